import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientTest, Stage } from './client-test.ts';
import { runFailing } from './command.ts';
import { type Content, digestOf, type Manifest, readLayout } from './content.ts';
import type { Image } from './images.ts';
import { pull, same, sameContent } from './pull.ts';

const needs = ['skopeo', 'buildah'];
const plainSource = '--src-tls-verify=false';
const plainTarget = '--dest-tls-verify=false';

// skopeo remembers where it saw a layer in another compression, and would take that one.
const unchanged = '--preserve-digests';

/** Pushes a layout, looks at what arrived, pulls it again, and compares all three. */
async function roundTrip(
  { registry, folder, run }: Stage,
  image: Image,
  repository: string,
  ...flags: string[]
): Promise<void> {
  const remote = `docker://${registry.host}/${repository}:v1`;
  await run(['skopeo', 'copy', '--quiet', unchanged, ...flags, plainTarget, `oci:${image.layout}:latest`, remote]);
  sameContent(await pull(registry.url, repository, 'v1'), image.content);
  const back = join(folder, 'back');
  await run(['skopeo', 'copy', '--quiet', unchanged, ...flags, plainSource, remote, `oci:${back}:latest`]);
  sameContent(await readLayout(back), image.content);
}

function mediaTypesOf({ layers = [] }: Manifest): string[] {
  return [...new Set(layers.map(({ mediaType }) => mediaType))];
}

export const skopeo: ClientTest[] = [
  {
    name: 'copies an OCI image there and back without changing a byte',
    needs,
    run: async (stage) => roundTrip(stage, await stage.images.busybox(), 'skopeo/busybox'),
  },
  {
    name: 'copies a Debian image there and back',
    needs: [...needs, 'mmdebstrap'],
    run: async (stage) => roundTrip(stage, await stage.images.debian(), 'skopeo/debian'),
  },
  {
    name: 'copies a zstd image there and back',
    needs,
    async run(stage) {
      const image = await stage.images.zstd();
      await roundTrip(stage, image, 'skopeo/zstd');
      const { stdout } = await stage.run([
        'skopeo',
        'inspect',
        '--tls-verify=false',
        '--raw',
        `docker://${stage.registry.host}/skopeo/zstd:v1`,
      ]);
      same(
        'media types of layers',
        mediaTypesOf(JSON.parse(stdout) as Manifest).join(),
        'application/vnd.oci.image.layer.v1.tar+zstd',
      );
    },
  },
  {
    name: 'copies an index with all its platforms there and back',
    needs,
    async run(stage) {
      const image = await stage.images.multiArch();
      same('number of manifests', image.content.manifests.size, 3);
      await roundTrip(stage, image, 'skopeo/multi-arch', '--all');
    },
  },
  {
    name: 'copies a blob of 300 MiB there and back',
    needs: ['skopeo'],
    run: async (stage) => roundTrip(stage, await stage.images.large(), 'skopeo/large'),
  },
  {
    name: 'pushes Docker schema 2 and pulls the same bytes',
    needs,
    async run({ registry, images, folder, run }) {
      const { layout } = await images.busybox();
      const remote = `docker://${registry.host}/skopeo/docker:v1`;
      await run(['skopeo', 'copy', '--quiet', '--format', 'v2s2', plainTarget, `oci:${layout}:latest`, remote]);
      const content = await pull(registry.url, 'skopeo/docker', 'v1');
      same('media type', content.root.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
      await run(['skopeo', 'copy', '--quiet', plainSource, remote, `dir:${join(folder, 'back')}`]);
      same('digest', digestOf(await readFile(join(folder, 'back', 'manifest.json'))), content.root.digest);
    },
  },
  {
    name: 'inspects an image and lists its tags in order',
    needs,
    async run({ registry, images, run }) {
      const { layout, content } = await images.busybox();
      const repository = `docker://${registry.host}/skopeo/inspected`;
      for (const tag of ['v10', 'v9', 'V1']) {
        await run([
          'skopeo',
          'copy',
          '--quiet',
          unchanged,
          plainTarget,
          `oci:${layout}:latest`,
          `${repository}:${tag}`,
        ]);
      }
      const inspected = JSON.parse((await run(['skopeo', 'inspect', '--tls-verify=false', `${repository}:v9`])).stdout);
      same('Digest', inspected.Digest, content.root.digest);
      same('label', inspected.Labels['made.for'], 'busybox');
      const listed = JSON.parse((await run(['skopeo', 'list-tags', '--tls-verify=false', repository])).stdout);
      same('tags', listed.Tags.join(), 'V1,v10,v9');
    },
  },
  {
    name: 'deletes an image, which is gone at once',
    needs,
    async run({ registry, images, environment, run }) {
      const { layout } = await images.busybox();
      const remote = `docker://${registry.host}/skopeo/deleted:v1`;
      await run(['skopeo', 'copy', '--quiet', unchanged, plainTarget, `oci:${layout}:latest`, remote]);
      await run(['skopeo', 'delete', '--tls-verify=false', remote]);
      const complaint = await runFailing(['skopeo', 'inspect', '--tls-verify=false', remote], { environment });
      same('says that it is unknown', complaint.includes('manifest unknown'), true);
    },
  },
  {
    name: 'syncs a repository to a folder and back to another one',
    needs,
    async run({ registry, images, folder, run }) {
      const expected: Content[] = [];
      for (const [tag, image] of [
        ['one', await images.busybox()],
        ['two', await images.zstd()],
      ] as const) {
        await run([
          'skopeo',
          'copy',
          '--quiet',
          unchanged,
          plainTarget,
          `oci:${image.layout}:latest`,
          `docker://${registry.host}/skopeo/synced:${tag}`,
        ]);
        expected.push(image.content);
      }
      await run([
        'skopeo',
        'sync',
        plainSource,
        '--src',
        'docker',
        '--dest',
        'dir',
        `${registry.host}/skopeo/synced`,
        folder,
      ]);
      await run([
        'skopeo',
        'sync',
        plainTarget,
        '--src',
        'dir',
        '--dest',
        'docker',
        folder,
        `${registry.host}/skopeo/from-folder`,
      ]);
      sameContent(await pull(registry.url, 'skopeo/from-folder/synced', 'one'), expected[0]!);
      sameContent(await pull(registry.url, 'skopeo/from-folder/synced', 'two'), expected[1]!);
    },
  },
];
