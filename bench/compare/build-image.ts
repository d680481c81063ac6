import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createKitchen, type Kitchen } from './kitchen.ts';
import type { Recipe } from './recipe.ts';

/** Makes the image of a recipe as an OCI layout, tagged `latest`, by umoci. The base is a layout, too. */
export async function buildImage(
  recipe: Recipe,
  places: { layout: string; work: string; base: string },
): Promise<void> {
  const { layout, work, base } = places;
  for (const directory of [layout, work]) await rm(directory, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const kitchen = createKitchen(work);
  const image = `${layout}:latest`;
  if (recipe.onDebian) await cp(base, layout, { recursive: true });
  else await emptyLayout(layout, kitchen);
  const bundle = join(work, 'bundle');
  await kitchen.run(['umoci', 'unpack', '--image', image, bundle]);
  for (const [number, step] of recipe.steps.entries()) {
    const room = join(work, `step-${number}`);
    await mkdir(room);
    await step(join(bundle, 'rootfs'), createKitchen(room));
    await kitchen.run(['umoci', 'repack', '--refresh-bundle', '--image', image, bundle]);
  }
  await kitchen.run(['umoci', 'gc', '--layout', layout]);
  await rm(work, { recursive: true });
}

/** A minimal Debian, of the release and from the sources of this machine, as the lowest layer of others. */
export async function buildBase(layout: string, work: string): Promise<void> {
  await buildImage({ name: 'base', about: '', onDebian: false, steps: [minimalDebian] }, { layout, work, base: '' });
}

async function minimalDebian(root: string, kitchen: Kitchen): Promise<void> {
  const lists = await kitchen.run([
    'sh',
    '-c',
    'find /etc/apt/sources.list /etc/apt/sources.list.d -name "*.sources" -o -name "*.list" -size +0 | grep -i debian',
  ]);
  const release = await kitchen.run(['sh', '-c', '. /etc/os-release && echo "$VERSION_CODENAME"']);
  const archive = join(kitchen.directory, 'base.tar');
  await kitchen.run([
    'mmdebstrap',
    '--quiet',
    '--variant=minbase',
    release.trim(),
    archive,
    ...lists.trim().split('\n'),
  ]);
  await kitchen.run(['tar', '-x', '-f', archive, '-C', root]);
}

async function emptyLayout(layout: string, kitchen: Kitchen): Promise<void> {
  await kitchen.run(['umoci', 'init', '--layout', layout]);
  await kitchen.run(['umoci', 'new', '--image', `${layout}:latest`]);
}
