import { expect, test } from 'bun:test';
import { digestOf, randomBytes } from '../../../test/http/registry.ts';
import { openTestCatalog } from '../../catalog/test-catalog.double.ts';
import { openContentRig } from '../../content/content-rig.double.ts';
import { nodeFileSystem } from '../../content/files/file-system.ts';
import { parseDigest } from '../../oci/index.ts';
import { createOutbound } from '../../outbound/index.ts';
import { startOtherRegistry } from '../import-rig.double.ts';
import { createRegistryClient } from './registry-client.ts';
import { createRemoteSource } from './remote-source.ts';

test('a disk that was full for a while keeps no later import from calling', async () => {
  const layer = randomBytes(4 * 1024 * 1024);
  await using registry = startOtherRegistry(() => new Response(layer));
  await using catalog = await openTestCatalog();
  await using content = await openContentRig({
    fs: {
      ...nodeFileSystem,
      async create(path) {
        const file = await nodeFileSystem.create(path);
        return { ...file, write: () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' })) };
      },
    },
  });
  const client = createRegistryClient({
    outbound: createOutbound({ allow: ['127.0.0.1'] }),
    origin: registry.uri,
    repository: 'app',
    credentials: async () => undefined,
    signal: new AbortController().signal,
  });
  const { uploads } = content;
  const source = createRemoteSource({ client, catalog, uploads, repository: 'app', creator: 'import:1' });
  const blob = { digest: parseDigest(digestOf(layer))!, size: layer.byteLength };
  let received = 0;
  // More than may be called at once.
  for (let n = 0; n < 40; n++) {
    const into = { registryId: catalog.registryId, repository: 'copy' };
    await expect(source.bring(blob, into, (bytes) => (received += bytes))).rejects.toMatchObject({ status: 507 });
  }
  expect(received).toBe(0);
  expect(registry.asked).toHaveLength(40);
}, 60_000);
