import { afterAll, beforeAll, expect, test } from 'bun:test';
import { makeImage, pushImage } from '../../test/http/registry.ts';
import { managementOf } from '../../test/support/management.ts';
import { bearer, registryScope } from '../../test/support/people.ts';
import { tiersOf } from '../../test/support/tiers.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import {
  askRegistry,
  contentOf,
  createRegistry,
  ended,
  importInto,
  postImport,
  startOtherRegistry,
  until,
} from '../importing/import-rig.double.ts';
import { startSlowRegistry } from '../importing/slow-registry.double.ts';

/* What an import brings is held to what holds for a push: rights, the tier, storage limits. */

let server: WatchedApp;
let tiers: ReturnType<typeof tiersOf>;
beforeAll(async () => {
  server = await startWatchedApp({ settings: { 'outbound.allow': '127.0.0.1' } });
  tiers = tiersOf(server.url);
});
afterAll(() => server[Symbol.asyncDispose]());

const idOf = (name: string) => registryScope.replace(/default$/, name);
const digestAt = async (registry: string, path: string) =>
  (await askRegistry(server, registry, path, { method: 'HEAD' })).headers.get('docker-content-digest');

/** Another registry with one image. */
function otherWith(image = makeImage()) {
  const content = contentOf([image.config, image.layer], { v1: { text: image.text } });
  return { image, other: startOtherRegistry((_, path) => content(path)) };
}

test('an import ends where whoever asked for it may not import there any more, and moves no tag', async () => {
  const { people } = server;
  await createRegistry(server, 'teama');
  await using slow = startSlowRegistry({ isOpenToAll: true });
  const ada = await people.identity('ada');
  const assignment = await people.assign('Container Registry Data Importer and Data Reader', ada, {}, idOf('teama'));
  const headers = { Authorization: bearer(await people.jwt('ada')) };
  const body = { source: { registryUri: slow.uri, sourceImage: 'app:v1' }, targetTags: ['app:v1'], mode: 'Force' };
  const begun = await postImport(server, body, 'teama', { headers });
  expect(begun.status).toBe(202);
  const { pathname, search } = new URL(begun.headers.get('azure-asyncoperation')!);
  await until(() => (slow.slow.some((digest) => slow.times(digest) > 0) ? true : undefined));
  await people.remove(assignment);
  slow.open();
  const status = await ended(server, `${pathname}${search}`);
  expect(status).toMatchObject({ status: 'Failed', error: { code: 'AuthorizationFailed' } });
  expect(await digestAt('teama', '/v2/app/manifests/v1')).toBeNull();
});

test('a tier says how large the blobs and manifests are that are imported', async () => {
  const { image, other } = otherWith(makeImage(undefined, { annotations: { long: 'x'.repeat(2000) } }));
  await using _ = other;
  const source = { registryUri: other.uri, sourceImage: 'app:v1' };
  const here = { resourceId: registryScope, sourceImage: 'app:v1' };
  await pushImage(server.url, 'app', 'v1', image);
  for (const [limit, says] of [
    [{ maxLayer: image.layer.length - 1 }, 'this registry accepts'],
    [{ maxManifest: 1024 }, 'this registry accepts 1024'],
  ] as const) {
    await tiers.put('narrow', { limits: limit });
    await tiers.use('narrow', 'teamb');
    for (const from of [source, here]) {
      const status = await importInto(server, { source: from, targetTags: ['app:v1'] }, 'teamb');
      expect(status.error?.message).toContain(says);
    }
  }
  expect(other.asked.filter((line) => line.includes('/blobs/'))).toEqual([]);
  await tiers.put('narrow', {});
  expect((await importInto(server, { source, targetTags: ['app:v1'] }, 'teamb')).status).toBe('Succeeded');
});

test('of what a storage limit leaves no room for, not a byte is asked for', async () => {
  const { image, other } = otherWith();
  await using _ = other;
  await createRegistry(server, 'teamc');
  const manage = managementOf(server.url);
  const limit = (limitBytes: number) => manage.patch(idOf('teamc'), { storageQuota: { limitBytes } });
  await limit(image.layer.length - 1);
  const body = { source: { registryUri: other.uri, sourceImage: 'app:v1' }, targetTags: ['app:v1'] };
  const status = await importInto(server, body, 'teamc');
  expect(status.status).toBe('Failed');
  expect(status.error!.message).toContain('the storage limit of this registry is reached');
  expect(other.asked.filter((line) => line.includes(image.layerDigest))).toEqual([]);
  await limit(100_000_000);
  expect((await importInto(server, body, 'teamc')).status).toBe('Succeeded');
});
