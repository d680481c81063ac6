import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kitchen } from '../kitchen.ts';
import type { Recipe } from '../recipe.ts';

const packages = [
  'base-files',
  'netbase',
  'tzdata',
  'ca-certificates',
  'media-types',
  'libc6',
  'libssl3',
  'libgcc-s1',
  'libgomp1',
  'libstdc++6',
  'zlib1g',
  'libexpat1',
  'libsqlite3-0',
  'libpython3.11-minimal',
  'libpython3.11-stdlib',
  'python3.11-minimal',
  'python3-distutils',
  'python3-six',
];

export const distroless: Recipe = {
  name: 'distroless',
  about:
    'unpacked packages of Debian that nothing has installed, each described by a file in `status.d`, with its sums beside it, as Distroless has them',
  onDebian: false,
  steps: [unpackPackages],
};

async function unpackPackages(root: string, kitchen: Kitchen): Promise<void> {
  await kitchen.run(['apt-get', 'download', '-qq', '-o', 'APT::Sandbox::User=root', ...packages]);
  const statusFolder = join(root, 'var', 'lib', 'dpkg', 'status.d');
  await mkdir(statusFolder, { recursive: true });
  for (const file of await readdir(kitchen.directory)) {
    const archive = join(kitchen.directory, file);
    const name = file.split('_')[0]!;
    const control = join(kitchen.directory, `${name}.control`);
    await kitchen.run(['dpkg-deb', '--extract', archive, root]);
    await kitchen.run(['dpkg-deb', '--control', archive, control]);
    await copyFile(join(control, 'control'), join(statusFolder, name));
    await copyFile(join(control, 'md5sums'), join(statusFolder, `${name}.md5sums`)).catch(() => {});
  }
}
