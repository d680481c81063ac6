import { expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { ociIndex, putManifest } from '../../test/http/registry.ts';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { startTestProcess } from '../../test/support/server.ts';

test('what was pulled from several processes is there after a stop, and every pull of it', async () => {
  await using stack = new AsyncDisposableStack();
  const data = await mkdtemp(join(tmpdir(), 'bonded-pulls-'));
  stack.defer(() => rm(data, { recursive: true, force: true }));
  const fresh = stack.use(await freshDatabaseOptions());
  const options = { data: join(data, 'data'), ...(fresh.kind === 'postgres' && { database: fresh.url }) };
  const first = stack.use(await startTestProcess({ ...options, settings: { processes: 2 } }));
  const text = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [] });
  expect((await putManifest(first.url, 'app', 'v1', text, ociIndex)).status).toBe(201);
  const pulls = 40;
  const pulled = Array.from({ length: pulls }, async () => {
    // A connection each, so that both processes have some.
    const answer = await fetch(`${first.url}/v2/app/manifests/v1`, { keepalive: false });
    return answer.status;
  });
  expect(new Set(await Promise.all(pulled))).toEqual(new Set([200]));
  expect(await first.end('SIGTERM')).toBe(0);
  await using second = await startTestProcess(options);
  const shown = await fetch(`${second.url}/acr/v1/app/_tags/v1`);
  expect(await shown.json()).toMatchObject({ tag: { pullCount: pulls } });
}, 120_000);
