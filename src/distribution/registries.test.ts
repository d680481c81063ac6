import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, type Image, makeImage, ociManifest } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

/* One server, many registries by Host. Bytes are shared, nothing else is. */

let server: Awaited<ReturnType<typeof startTestApp>>;
let directory: string;
const hosts = ['a.localhost', 'b.example.com', 'localhost'];
const call = (host: string, method: string, path: string, body?: string | Uint8Array<ArrayBuffer>) =>
  fetch(`${server.url}${path}`, {
    method,
    headers: { Host: host, ...(path.includes('/manifests/') && { 'Content-Type': ociManifest }) },
    ...(body !== undefined && { body }),
  });

async function push(host: string, name: string, image: Image): Promise<void> {
  for (const bytes of [image.config, image.layer]) {
    const answer = await call(host, 'POST', `/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`, bytes);
    expect(answer.status).toBe(201);
  }
  expect((await call(host, 'PUT', `/v2/${name}/manifests/latest`, image.text)).status).toBe(201);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bonded-config-'));
  const file = join(directory, 'bonded.yaml');
  await writeFile(file, 'registries:\n  - name: a\n  - name: b\n    hosts: [b.example.com]\n');
  server = await startTestApp({ file });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

describe('what one registry holds', () => {
  const image = makeImage();
  beforeAll(() => push('a.localhost', 'team/app', image));

  test.each(hosts.slice(1))(
    'is not seen by %s: neither blobs nor manifests, tags, the catalog or referrers',
    async (host) => {
      for (const path of [
        `/v2/team/app/blobs/${image.layerDigest}`,
        `/v2/team/app/manifests/latest`,
        `/v2/team/app/manifests/${image.digest}`,
        `/v2/team/app/tags/list`,
      ]) {
        expect((await call(host, 'GET', path)).status).toBe(404);
        expect((await call('a.localhost', 'GET', path)).status).toBe(200);
      }
      const { repositories } = (await (await call(host, 'GET', '/v2/_catalog')).json()) as { repositories: string[] };
      expect(repositories).not.toContain('team/app');
    },
  );

  test.each(hosts.slice(1))('cannot be mounted by %s, with a source or without', async (host) => {
    for (const query of [`mount=${image.layerDigest}`, `mount=${image.layerDigest}&from=team/app`]) {
      expect((await call(host, 'POST', `/v2/team/copy/blobs/uploads/?${query}`)).status).toBe(202);
    }
  });

  test.each(hosts.slice(1))('cannot be deleted by %s', async (host) => {
    expect((await call(host, 'DELETE', `/v2/team/app/manifests/${image.digest}`)).status).toBe(404);
    expect((await call(host, 'DELETE', `/v2/team/app/blobs/${image.layerDigest}`)).status).toBe(404);
    expect((await call('a.localhost', 'GET', '/v2/team/app/manifests/latest')).status).toBe(200);
  });

  test.each(hosts.slice(1))('does not let %s push a manifest without the blobs', async (host) => {
    expect((await call(host, 'PUT', '/v2/team/app/manifests/latest', image.text)).status).toBe(404);
  });
});

test('lesson 13: a session of one registry does not exist in another', async () => {
  const opened = await call('a.localhost', 'POST', '/v2/team/up/blobs/uploads/');
  const session = opened.headers.get('location')!;
  for (const method of ['GET', 'PATCH', 'DELETE'])
    expect((await call('b.example.com', method, session)).status).toBe(404);
  expect((await call('b.example.com', 'PUT', `${session}?digest=${digestOf('')}`)).status).toBe(404);
  expect((await call('a.localhost', 'GET', session)).status).toBe(204);
});

test('equal names in two registries are two repositories, and equal bytes are kept once', async () => {
  const image = makeImage();
  await push('a.localhost', 'same', image);
  await push('b.example.com', 'same', image);
  expect((await call('a.localhost', 'DELETE', `/v2/same/manifests/${image.digest}`)).status).toBe(202);
  expect((await call('a.localhost', 'GET', '/v2/same/manifests/latest')).status).toBe(404);
  expect((await call('b.example.com', 'GET', '/v2/same/manifests/latest')).status).toBe(200);
  const { db } = server.app.storage;
  const kept = await db.first<{ n: number }>('SELECT COUNT(*) AS n FROM blobs WHERE digest = ? AND deleting = 0', [
    image.layerDigest,
  ]);
  expect(kept!.n).toBe(1);
});

test('every host that is an address, and localhost, is the default registry', async () => {
  await push('localhost', 'default/app', makeImage());
  for (const host of ['127.0.0.1', '[::1]:5000', 'default.localhost']) {
    expect((await call(host, 'GET', '/v2/default/app/manifests/latest')).status).toBe(200);
  }
});
