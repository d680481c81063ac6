import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, pushBlob, pushImage, randomBytes } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
let digest: string;
const url = (name = 'blobs', of = digest) => `${server.url}/v2/${name}/blobs/${of}`;

beforeAll(async () => {
  server = await startTestApp();
  digest = await pushBlob(server.url, 'blobs', randomBytes(1000));
});
afterAll(() => server[Symbol.asyncDispose]());

describe('mounts', () => {
  const mount = (name: string, query: string) =>
    fetch(`${server.url}/v2/${name}/blobs/uploads/?${query}`, { method: 'POST' });

  test('with a source', async () => {
    const answer = await mount('mount/from', `mount=${digest}&from=blobs`);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v2/mount/from/blobs/${digest}`);
    expect(answer.headers.get('docker-content-digest')).toBe(digest);
    expect((await fetch(url('mount/from'))).status).toBe(200);
  });

  test('lesson 29: without a source, from wherever it is', async () => {
    expect((await mount('mount/anonymous', `mount=${digest}`)).status).toBe(201);
    expect((await fetch(url('mount/anonymous'))).status).toBe(200);
  });

  test.each([
    ['a blob that does not exist', () => `mount=${digestOf('nowhere')}&from=blobs`],
    ['a blob that exists nowhere, without a source', () => `mount=${digestOf('nowhere')}`],
    ['a source that does not have it', () => `mount=${digest}&from=none`],
    ['a source that is no name', () => `mount=${digest}&from=../blobs`],
    ['an empty source', () => `mount=${digest}&from=`],
  ])('lesson 28, lesson 30: of %s is 202 with a session to upload to', async (_, query) => {
    const answer = await mount('mount/missing', query());
    expect(answer.status).toBe(202);
    expect(answer.headers.get('range')).toBe('0-0');
    const session = new URL(answer.headers.get('location')!, server.url);
    const content = randomBytes(10);
    expect((await fetch(`${session}?digest=${digestOf(content)}`, { method: 'PUT', body: content })).status).toBe(201);
    expect((await fetch(url('mount/missing'))).status).toBe(404);
  });
});

describe('lesson 31: DELETE of a blob', () => {
  test('removes the link of one repository only', async () => {
    const shared = await pushBlob(server.url, 'delete/a', randomBytes(100));
    const mounted = await fetch(`${server.url}/v2/delete/b/blobs/uploads/?mount=${shared}&from=delete/a`, {
      method: 'POST',
    });
    expect(mounted.status).toBe(201);
    const deleted = await fetch(url('delete/a', shared), { method: 'DELETE' });
    expect(deleted.status).toBe(202);
    expect((await fetch(url('delete/a', shared))).status).toBe(404);
    expect((await fetch(url('delete/b', shared))).status).toBe(200);
    expect((await fetch(url('delete/a', shared), { method: 'DELETE' })).status).toBe(404);
  });

  test('is 409 while a manifest names it', async () => {
    const image = await pushImage(server.url, 'delete/held', 'latest');
    const answer = await fetch(url('delete/held', image.layerDigest), { method: 'DELETE' });
    expect(answer.status).toBe(409);
    expect(await errorOf(answer)).toMatchObject({ detail: { digest: image.layerDigest, manifest: image.digest } });
  });
});
