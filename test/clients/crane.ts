import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ClientTest } from './client-test.ts';
import { runFailing } from './command.ts';
import { digestOf, type Manifest, readLayout } from './content.ts';
import { writeLayout } from './layout-writer.ts';
import { pull, same, sameContent } from './pull.ts';

const needs = ['crane', 'buildah'];

export const crane: ClientTest[] = [
  {
    name: 'pushes an image, validates it and pulls the same bytes',
    needs,
    async run({ registry, images, folder, run }) {
      const { layout, content } = await images.busybox();
      const image = `${registry.host}/crane/busybox:v1`;
      await run(['crane', 'push', layout, image]);
      sameContent(await pull(registry.url, 'crane/busybox', 'v1'), content);
      await run(['crane', 'validate', '--remote', image]);
      same('digest', (await run(['crane', 'digest', image])).stdout.trim(), content.root.digest);
      const back = join(folder, 'back');
      await run(['crane', 'pull', '--format', 'oci', image, back]);
      sameContent(await readLayout(back), content);
    },
  },
  {
    name: 'pushes an index, validates it and pulls one platform',
    needs,
    async run({ registry, images, folder, run }) {
      const { layout, content } = await images.multiArch();
      const image = `${registry.host}/crane/multi-arch:v1`;
      await run(['crane', 'push', '--index', layout, image]);
      // crane pushes the index of the layout, which holds ours.
      const pushed = await pull(registry.url, 'crane/multi-arch', 'v1');
      same('holds the index', pushed.manifests.has(content.root.digest), true);
      await run(['crane', 'copy', `${registry.host}/crane/multi-arch@${content.root.digest}`, image]);
      sameContent(await pull(registry.url, 'crane/multi-arch', 'v1'), content);
      await run(['crane', 'validate', '--remote', image]);
      const back = join(folder, 'back');
      await run(['crane', 'pull', '--format', 'oci', '--platform', 'linux/arm64', image, back]);
      const [child] = [...(await readLayout(back)).manifests.keys()];
      same('pulled a child of the index', child !== undefined && content.manifests.has(child), true);
    },
  },
  {
    name: 'pushes and pulls a blob of 300 MiB',
    needs: ['crane'],
    async run({ registry, images, run }) {
      const { layout, content } = await images.large();
      const image = `${registry.host}/crane/large:v1`;
      await run(['crane', 'push', layout, image]);
      await run(['crane', 'validate', '--remote', image]);
      sameContent(await pull(registry.url, 'crane/large', 'v1'), content);
    },
  },
  {
    name: 'copies between repositories by mounting, without uploading a byte',
    needs,
    async run({ registry, folder, run }) {
      const layout = await writeLayout(folder);
      const bytes = await layout.put(randomBytes(1_000_000), 'application/octet-stream');
      const config = await layout.put('{}', 'application/vnd.oci.empty.v1+json');
      const mediaType = 'application/vnd.oci.image.manifest.v1+json';
      const text = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [bytes] });
      await layout.finish(await layout.put(text, mediaType), 'latest');
      await run(['crane', 'push', folder, `${registry.host}/crane/from:v1`]);
      const before = (await registry.requests()).length;
      await run(['crane', 'copy', `${registry.host}/crane/from:v1`, `${registry.host}/crane/to:v1`]);
      sameContent(await pull(registry.url, 'crane/to', 'v1'), await readLayout(folder));
      const requests = (await registry.requests()).slice(before).filter(({ path }) => path.includes('/crane/to/'));
      const starts = requests.filter(({ method }) => method === 'POST').map(({ status }) => status);
      same('answers to the mounts', starts.join(), '201,201');
      same('uploads', requests.filter(({ method }) => method === 'PATCH').length, 0);
    },
  },
  {
    name: 'tags, lists tags and the catalog, and deletes',
    needs,
    async run({ registry, images, environment, run }) {
      const { layout, content } = await images.busybox();
      const repository = `${registry.host}/crane/listed`;
      await run(['crane', 'push', layout, `${repository}:v1`]);
      for (const tag of ['v2', 'v10', 'Latest', '0.1.2', '0.1.20'])
        await run(['crane', 'tag', `${repository}:v1`, tag]);
      same('tags', words((await run(['crane', 'ls', repository])).stdout), '0.1.2,0.1.20,Latest,v1,v10,v2');
      const catalog = (await run(['crane', 'catalog', registry.host])).stdout.split('\n');
      same('the catalog has it', catalog.includes('crane/listed'), true);
      await run(['crane', 'delete', `${repository}:v2`]);
      same(
        'tags after deleting one',
        words((await run(['crane', 'ls', repository])).stdout),
        '0.1.2,0.1.20,Latest,v1,v10',
      );
      await run(['crane', 'delete', `${repository}@${content.root.digest}`]);
      const complaint = await runFailing(['crane', 'digest', `${repository}:v1`], { environment });
      same('says that it is unknown', complaint.includes('404'), true);
    },
  },
  {
    name: 'changes an image, appends a layer, and reads what it pushed',
    needs: [...needs, 'tar'],
    async run({ registry, images, folder, run }) {
      const image = `${registry.host}/crane/changed:v1`;
      await run(['crane', 'push', (await images.busybox()).layout, image]);
      await Bun.write(join(folder, 'added'), 'added\n');
      await run(['tar', '-cf', join(folder, 'layer.tar'), '-C', folder, 'added']);
      await run(['crane', 'append', '--base', image, '--new_layer', join(folder, 'layer.tar'), '--new_tag', image]);
      await run(['crane', 'mutate', '--label', 'changed=yes', '--tag', image, image]);
      await run(['crane', 'validate', '--remote', image]);
      const { stdout } = await run(['crane', 'manifest', image]);
      const { root } = await pull(registry.url, 'crane/changed', 'v1');
      same('digest of the manifest that crane prints', digestOf(stdout), root.digest);
      same('number of layers', (JSON.parse(stdout) as Manifest).layers?.length, 2);
      const configuration = JSON.parse((await run(['crane', 'config', image])).stdout);
      same('label', configuration.config.Labels.changed, 'yes');
    },
  },
];

function words(text: string): string {
  return text.trim().split('\n').join();
}
