import { installDebian, type Recipe } from '../recipe.ts';

export const debian: Recipe = {
  name: 'debian',
  about:
    'a minimal Debian; packages with epochs, with sources of other names and versions, without an architecture; one removed whose settings stay',
  onDebian: true,
  steps: [
    installDebian(
      'curl',
      'git',
      'vim-tiny',
      'nginx-light',
      'postgresql-client',
      'build-essential',
      'libxml2',
      'imagemagick',
      'busybox-static',
      'cron',
    ),
    async (root, kitchen) => {
      await kitchen.inRoot(root, ['sh', '-c', 'dpkg --remove --force-depends cron nginx-common']);
    },
  ],
};
