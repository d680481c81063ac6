import { expect, test } from 'bun:test';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf, pushBlob, randomBytes } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

test('a blob whose bytes are missing is 404 on GET, right on HEAD until then, and the next push heals it', async () => {
  await using server = await startTestApp();
  const url = (name: string, digest: string) => `${server.url}/v2/${name}/blobs/${digest}`;
  const lost = randomBytes(1000);
  const of = await pushBlob(server.url, 'lost', lost);
  await pushBlob(server.url, 'lost/too', lost);
  const hex = of.slice(7);
  const directory = join(server.data, 'blobs', 'sha256', hex.slice(0, 2));
  for (const file of new Bun.Glob(`${hex}-*`).scanSync({ cwd: directory }))
    await rename(join(directory, file), join(server.data, file));
  const head = await fetch(url('lost', of), { method: 'HEAD' });
  expect(head.headers.get('content-length')).toBe('1000');
  const answer = await fetch(url('lost', of));
  expect(answer.status).toBe(404);
  expect(await errorOf(answer)).toMatchObject({
    code: 'BLOB_UNKNOWN',
    detail: { requestId: answer.headers.get('x-request-id')! },
  });
  for (let tries = 0; tries < 200 && (await fetch(url('lost', of), { method: 'HEAD' })).status !== 404; tries++)
    await Bun.sleep(5);
  // Now a client that asks first is told to push.
  expect((await fetch(url('lost/too', of), { method: 'HEAD' })).status).toBe(404);
  expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('bonded_missing_files_total 1\n');
  await pushBlob(server.url, 'lost', lost);
  expect((await (await fetch(url('lost', of))).bytes()).length).toBe(1000);
});

test('a link that was left when a blob was half forgotten goes with the next pull that meets it', async () => {
  await using server = await startTestApp();
  const lost = randomBytes(1000);
  const of = await pushBlob(server.url, 'lost', lost);
  const url = `${server.url}/v2/lost/blobs/${of}`;
  const { db } = server.app.storage;
  const { key } = (await db.first<{ key: string }>('SELECT key FROM blob_links WHERE digest = ?', [of]))!;
  await rename(join(server.data, 'blobs', key), join(server.data, 'gone'));
  await db.write((tx) => tx.deleteFrom('blobs').where('digest', '=', of).execute());
  expect((await fetch(url)).status).toBe(404);
  const head = () => fetch(url, { method: 'HEAD' }).then(({ status }) => status);
  for (let tries = 0; tries < 1000 && (await head()) !== 404; tries++) await Bun.sleep(5);
  expect(await head()).toBe(404);
  await pushBlob(server.url, 'lost', lost);
  expect((await (await fetch(url)).bytes()).length).toBe(1000);
});

test('a disk that is not mounted costs no facts: nothing is forgotten, and it is not ready until it is back', async () => {
  await using server = await startTestApp();
  const content = randomBytes(1000);
  const digest = await pushBlob(server.url, 'kept', content);
  const url = `${server.url}/v2/kept/blobs/${digest}`;
  const [blobs, away] = [join(server.data, 'blobs'), join(server.data, 'away')];
  await rename(blobs, away);
  expect((await fetch(url)).status).toBe(404);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  // Whoever is told of a missing file has looked at it by now, or will not.
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
  for (let tries = 0; tries < 1000 && !(await metrics()).includes('bonded_missing_files_total 1\n'); tries++)
    await Bun.sleep(5);
  expect(await metrics()).toContain('bonded_missing_files_total 1\n');
  await rename(away, blobs);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect(Buffer.from(await (await fetch(url)).bytes())).toEqual(Buffer.from(content));
});
