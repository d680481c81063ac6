import { randomBytes } from 'node:crypto';
import { fetch } from '../../http/fetch.ts';
import type { ClientTest } from '../client-test.ts';
import { type Descriptor, digestOf } from '../content.ts';
import { same } from '../pull.ts';
import { openResolver } from './containerd.ts';
import { descriptorOf, makeLayer, ociIndex, ociManifest, part } from './image.ts';

const agent = 'buildkit/v0.26';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const cacheType = 'application/vnd.buildkit.cacheconfig.v0';

/** What `--cache-to type=registry` exports: layers, and a configuration that says what each is the result of. */
function makeCache() {
  const layers = [makeLayer(layerType), makeLayer(layerType)];
  const records = layers.map(({ digest }) => ({ digest: `sha256:${randomBytes(32).toString('hex')}`, layer: digest }));
  return {
    layers,
    config: part(cacheType, JSON.stringify({ layers: layers.map(({ digest }) => ({ blob: digest })), records })),
  };
}

export const buildkit: ClientTest[] = [
  {
    name: 'exports its cache as an index whose children are blobs, and imports it',
    needs: [],
    async run({ registry }) {
      const { layers, config } = makeCache();
      const children = layers.map((layer) => ({
        ...descriptorOf(layer),
        annotations: { 'buildkit/createdat': '2026-01-01T00:00:00Z', 'containerd.io/uncompressed': layer.digest },
      }));
      const index = ociIndex([...children, descriptorOf(config)]);
      await using builder = await openResolver(registry.host, 'buildkit/cache', agent);
      for (const blob of [...layers, config]) same('push', await builder.pushBlob(blob), 'uploaded');
      same('push', await builder.pushManifest(index, 'buildcache'), 'pushed');

      const found = await builder.resolve('buildcache');
      const imported = JSON.parse((await builder.fetchManifest(found)).toString()) as { manifests: Descriptor[] };
      same(
        'children',
        imported.manifests.map(({ digest }) => digest).join(),
        [...layers, config].map(({ digest }) => digest).join(),
      );
      for (const blob of [...layers, config])
        same('blob', digestOf(await builder.fetchInParallel(blob, 100_000)), blob.digest);

      const again = makeCache();
      const next = ociIndex([...children, descriptorOf(again.config)]);
      same('push of a layer that is there', await builder.pushBlob(layers[0]!), 'existed');
      await builder.pushBlob(again.config);
      same('push of a newer cache', await builder.pushManifest(next, 'buildcache'), 'pushed');
      same('digest', (await builder.resolve('buildcache')).digest, next.digest);
    },
  },
  {
    name: 'exports its cache as an image manifest',
    needs: [],
    async run({ registry }) {
      const { layers, config } = makeCache();
      const manifest = ociManifest(config, layers);
      await using builder = await openResolver(registry.host, 'buildkit/image-cache', agent);
      for (const blob of [...layers, config]) await builder.pushBlob(blob);
      same('push', await builder.pushManifest(manifest, 'buildcache'), 'pushed');
      const found = await builder.resolve('buildcache');
      same('digest', found.digest, manifest.digest);
      await builder.fetchManifest(found);
    },
  },
  {
    name: 'is told which blob is missing when it exports a cache without it',
    needs: [],
    async run({ registry }) {
      const { layers, config } = makeCache();
      await using builder = await openResolver(registry.host, 'buildkit/missing', agent);
      await builder.pushBlob(config);
      const index = ociIndex([descriptorOf(layers[0]!), descriptorOf(config)]);
      const address = `${registry.url}/v2/buildkit/missing/manifests/buildcache`;
      const headers = { 'content-type': index.mediaType };
      const response = await fetch(address, { method: 'PUT', headers, body: index.bytes });
      const { errors } = (await response.json()) as { errors: { code: string; detail: { digest: string } }[] };
      same('status', response.status, 404);
      same('code', errors[0]?.code, 'MANIFEST_BLOB_UNKNOWN');
      same('missing blob', errors[0]?.detail.digest, layers[0]!.digest);
    },
  },
];
