import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, ociIndex, putManifest } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const text = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [] });
const digest = digestOf(text);

interface Pulls {
  pullCount: number;
  lastPullTime?: string;
}

async function attributes(path: string): Promise<Pulls> {
  const body = (await (await fetch(`${server.url}/acr/v1/${path}`)).json()) as Record<string, Pulls>;
  return (body['tag'] ?? body['manifest'])!;
}

/** Waits until what was counted is written. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 60_000; !(await condition());) {
    if (performance.now() > end) throw new Error('it did not happen within a minute');
    await Bun.sleep(100);
  }
}

test('attributes say how often something was pulled and when last: by GET, not by HEAD alone', async () => {
  expect((await putManifest(server.url, 'app', 'v1', text, ociIndex)).status).toBe(201);
  expect((await putManifest(server.url, 'app', 'v2', text, ociIndex)).status).toBe(201);
  const before = Date.now();
  const pull = (reference: string, method = 'GET', headers: Record<string, string> = {}) =>
    fetch(`${server.url}/v2/app/manifests/${reference}`, { method, headers }).then(({ status }) => status);
  expect(await Promise.all([pull('v1'), pull('v1'), pull(digest)])).toEqual([200, 200, 200]);
  expect(await pull('v1', 'GET', { 'If-None-Match': `"${digest}"` })).toBe(304);
  expect(await pull('v9')).toBe(404);
  // As containerd does it: which digest is it, then that one.
  expect([await pull('v2', 'HEAD'), await pull(digest)]).toEqual([200, 200]);
  expect(await pull('v2', 'HEAD')).toBe(200);
  await until(async () => (await attributes(`app/_manifests/${digest}`)).pullCount === 5);
  const [v1, v2] = [await attributes('app/_tags/v1'), await attributes('app/_tags/v2')];
  expect([v1.pullCount, v2.pullCount]).toEqual([3, 1]);
  expect(Date.parse(v1.lastPullTime!)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(v1.lastPullTime!)).toBeLessThanOrEqual(Date.now());
  const listed = (await (await fetch(`${server.url}/acr/v1/app/_tags`)).json()) as { tags: Pulls[] };
  expect(listed.tags.map(({ pullCount }) => pullCount)).toEqual([3, 1]);
  const manifests = (await (await fetch(`${server.url}/acr/v1/app/_manifests`)).json()) as { manifests: Pulls[] };
  expect(manifests.manifests.map(({ pullCount }) => pullCount)).toEqual([5]);

  await fetch(`${server.url}/acr/v1/app/_tags/v1`, { method: 'DELETE' });
  expect((await putManifest(server.url, 'app', 'v1', text, ociIndex)).status).toBe(201);
  expect(await attributes('app/_tags/v1')).toMatchObject({ pullCount: 0 });
  expect(await attributes('app/_tags/v1')).not.toHaveProperty('lastPullTime');
}, 90_000);
