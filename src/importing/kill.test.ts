import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { beginImport, createRegistry, ended, idOfRegistry, statusOf, until } from './import-rig.double.ts';
import { startSlowRegistry } from './slow-registry.double.ts';

/** A place for a server that is killed and started again on what it has left. */
async function place(stack: AsyncDisposableStack, settings: Record<string, string | number> = {}) {
  const data = await mkdtemp(join(tmpdir(), 'bonded-kill-'));
  stack.defer(() => rm(data, { recursive: true, force: true }));
  const fresh = stack.use(await freshDatabaseOptions());
  const database = fresh.kind === 'postgres' ? fresh.url : undefined;
  const start = (listen?: string) =>
    startTestProcess({
      data,
      settings: { 'outbound.allow': '127.0.0.1', ...settings },
      ...(database !== undefined && { database }),
      ...(listen !== undefined && { listen }),
    });
  return { data, start };
}

const has = async (url: string, digest: string) =>
  (await fetch(`${url}/v2/killed/blobs/${digest}`, { method: 'HEAD' })).status === 200;

test.each([
  ['one process', {}],
  ['two workers', { processes: 2 }],
])(
  'a kill -9 in the middle of an import, of %s: the next start goes on, and what is there does not come again',
  async (_, settings) => {
    await using stack = new AsyncDisposableStack();
    await using other = startSlowRegistry();
    const { data, start } = await place(stack, settings);
    const first = stack.use(await start());
    const { credentials, uri } = other;
    const body = { source: { registryUri: uri, credentials, sourceImage: 'app:v1' }, targetTags: ['killed:v1'] };
    const path = await beginImport(first, body);
    await until(async () => {
      const here = await Promise.all(other.quick.map((digest) => has(first.url, digest)));
      return here.every(Boolean) && other.slow.some((digest) => other.times(digest) > 0) ? true : undefined;
    });
    await first.end('SIGKILL');

    const second = stack.use(await start(first.host));
    expect(await statusOf(second, path)).toMatchObject({ status: 'InProgress' });
    const before = other.times('manifests/v1');
    // It is under way again, and has not been told to go on.
    await until(() => (other.slow.some((digest) => other.times(digest) > 1) ? true : undefined));
    other.open();
    const status = await ended(second, path);
    expect(status.error).toBeUndefined();
    expect(status).toMatchObject({
      status: 'Succeeded',
      properties: { digest: other.digest, blobs: 8, progress: { blobs: { done: 8, total: 8 } } },
    });
    for (const digest of other.quick) expect([digest, other.times(digest)]).toEqual([digest, 1]);
    // What the tag meant when it began is what is imported: it is not asked for again.
    expect(other.times('manifests/v1')).toBe(before);
    const tag = await fetch(`${second.url}/v2/killed/manifests/v1`, { method: 'HEAD' });
    expect(tag.headers.get('docker-content-digest')).toBe(other.digest);
    expect(first.output() + second.output()).not.toContain(credentials.password);
    expect(await Bun.file(join(data, 'bonded.db')).exists()).toBe(process.env['BONDED_TEST_POSTGRES'] === undefined);
  },
  120_000,
);

test('an orderly end does not wait for an import, and the next start goes on with it', async () => {
  await using stack = new AsyncDisposableStack();
  await using other = startSlowRegistry();
  const { start } = await place(stack);
  const first = stack.use(await start());
  const { credentials, uri } = other;
  const body = { source: { registryUri: uri, credentials, sourceImage: 'app:v1' }, targetTags: ['killed:v1'] };
  const path = await beginImport(first, body);
  await until(() => (other.slow.some((digest) => other.times(digest) > 0) ? true : undefined));
  expect(await first.end('SIGTERM')).toBe(0);
  const second = stack.use(await start(first.host));
  other.open();
  expect(await ended(second, path)).toMatchObject({ status: 'Succeeded', properties: { digest: other.digest } });
}, 120_000);

test('an import into a registry that is deleted meanwhile fails, and says so', async () => {
  await using stack = new AsyncDisposableStack();
  await using other = startSlowRegistry({ isOpenToAll: true });
  const { start } = await place(stack);
  const server = stack.use(await start());
  await createRegistry(server, 'Vanishing');
  const body = { source: { registryUri: other.uri, sourceImage: 'app:v1' }, targetTags: ['killed:v1'] };
  const path = await beginImport(server, body, 'Vanishing');
  await until(() => (other.slow.some((digest) => other.times(digest) > 0) ? true : undefined));
  const gone = await fetch(`${server.url}${idOfRegistry('Vanishing')}?api-version=2025-11-01`, { method: 'DELETE' });
  expect(gone.status).toBe(200);
  other.open();
  const status = await ended(server, path);
  expect(status).toMatchObject({ status: 'Failed' });
  expect(status.error!.message).toContain('deleted');
}, 120_000);
