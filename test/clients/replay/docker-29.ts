import type { ClientTest } from '../client-test.ts';
import { digestOf } from '../content.ts';
import { pull, same } from '../pull.ts';
import { openResolver, type Resolver } from './containerd.ts';
import { descriptorOf, makeConfig, makeLayer, ociIndex, ociManifest, part, type Part } from './image.ts';

const agent =
  'docker/29.1.3 go/go1.25.5 git-commit/fbf3ed2 kernel/6.12.57 os/linux arch/amd64 containerd-client/2.2.0+unknown ' +
  'storage-driver/overlayfs UpstreamClient(Docker-Client/29.1.3 \\(linux\\))';
const types = {
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  config: 'application/vnd.oci.image.config.v1+json',
  statement: 'application/vnd.in-toto+json',
};

/** What `docker build` makes: an index of an image and of the provenance that belongs to it. */
function makeBuild() {
  const layers = [makeLayer(types.layer), makeLayer(types.layer, 2_000_000)];
  const config = makeConfig(types.config);
  const image = ociManifest(config, layers);
  const statement = part(
    types.statement,
    JSON.stringify({ _type: 'https://in-toto.io/Statement/v0.1', subject: [{ digest: image.digest }] }),
  );
  const attestationConfig = makeConfig(types.config, 'unknown');
  const attestation = ociManifest(attestationConfig, [statement]);
  const index = ociIndex([
    { ...descriptorOf(image), platform: { architecture: 'amd64', os: 'linux' } },
    {
      ...descriptorOf(attestation),
      annotations: { 'vnd.docker.reference.digest': image.digest, 'vnd.docker.reference.type': 'attestation-manifest' },
      platform: { architecture: 'unknown', os: 'unknown' },
    },
  ]);
  return { layers, blobs: [...layers, config, statement, attestationConfig], children: [image, attestation], index };
}

/** Pushes all of a build: blobs, then manifests by digest, then the index by tag. */
async function push(
  docker: Resolver,
  { blobs, children, index }: ReturnType<typeof makeBuild>,
  tag: string,
  from?: string,
) {
  const ways: string[] = [];
  for (const blob of blobs) ways.push(await docker.pushBlob(blob, from));
  for (const child of children) ways.push(await docker.pushManifest(child));
  ways.push(await docker.pushManifest(index, tag));
  return new Set(ways);
}

function only(ways: Set<string>): string {
  return [...ways].toSorted().join();
}

export const docker29: ClientTest[] = [
  {
    name: 'pushes an index with provenance, and nothing a second time',
    needs: [],
    async run({ registry }) {
      const build = makeBuild();
      await using docker = await openResolver(registry.host, 'docker29/pushed', agent);
      same('first push', only(await push(docker, build, 'v1')), 'pushed,uploaded');
      same('digest', (await pull(registry.url, 'docker29/pushed', 'v1')).root.digest, build.index.digest);
      same('second push', only(await push(docker, build, 'v1')), 'existed');
      // The content is there, the tag is not.
      same('push of another tag', only(await push(docker, build, 'v2')), 'existed,pushed');
    },
  },
  {
    name: 'mounts from the repository that it pulled from, and uploads what is not there',
    needs: [],
    async run({ registry }) {
      const build = makeBuild();
      await using source = await openResolver(registry.host, 'docker29/mount-from', agent);
      await push(source, build, 'v1');
      await using docker = await openResolver(registry.host, 'docker29/mount-to', agent);
      same('push', only(await push(docker, build, 'v1', 'docker29/mount-from')), 'mounted,pushed');
      const other = makeBuild();
      same(
        'push of what the source lacks',
        only(await push(docker, other, 'v2', 'docker29/mount-from')),
        'pushed,uploaded',
      );
      await pull(registry.url, 'docker29/mount-to', 'v2');
    },
  },
  {
    name: 'moves a tag',
    needs: [],
    async run({ registry }) {
      await using docker = await openResolver(registry.host, 'docker29/moved', agent);
      const [before, after] = [makeBuild(), makeBuild()];
      await push(docker, before, 'v1');
      await push(docker, after, 'v1');
      same('digest', (await docker.resolve('v1')).digest, after.index.digest);
    },
  },
  {
    name: 'pulls by tag, and layers in parallel parts, hanging up after each',
    needs: [],
    async run({ registry }) {
      const build = makeBuild();
      await using docker = await openResolver(registry.host, 'docker29/pulled', agent);
      await push(docker, build, 'v1');
      const found = await docker.resolve('v1');
      same('digest', found.digest, build.index.digest);
      same('size', found.size, build.index.size);
      const index = JSON.parse((await docker.fetchManifest(found)).toString()) as { manifests: Part[] };
      for (const child of index.manifests) await docker.fetchManifest(child);
      for (const layer of build.layers) {
        const bytes = await docker.fetchInParallel(layer, 130_000);
        same('digest of the layer', digestOf(bytes), layer.digest);
      }
    },
  },
];
