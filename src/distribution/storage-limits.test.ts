import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import {
  digestOf,
  errorOf,
  makeImage,
  openUpload,
  pushBlob,
  pushImage,
  putManifest,
  randomBytes,
} from '../../test/http/registry.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { startWatchedApp } from '../../test/support/watched-app.ts';
import { registryUsage } from '../catalog/index.ts';

const kib = 1024;
const mib = 1024 * kib;
let server: Awaited<ReturnType<typeof startWatchedApp>>;
beforeAll(async () => {
  server = await startWatchedApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const catalog = () => server.app.storage.catalog;
const used = async () => {
  const { blobBytes, manifestBytes } = await registryUsage(catalog(), 1);
  return blobBytes + manifestBytes;
};
const limit = (storageQuota: object | null) => managementOf(server.url).patch(registry, { storageQuota });
/** Leaves so much for the registry. */
const leave = async (bytes: number) => limit({ limitBytes: (await used()) + bytes });

beforeEach(() => limit(null));

/**
 * Whatever there is but finished blobs: in facts, on the disk or in S3. There, what was published leaves a note of no bytes,
 * by which the sweep looks again once no request can be under way any more.
 */
async function leftOver() {
  const { db } = catalog();
  const { blobs } = server.app.storage;
  const rows = await db.all<{ n: number }>('SELECT count(*) AS n FROM uploads', []);
  const known = new Set((await db.all<{ key: string }>('SELECT "key" FROM blobs', [])).map(({ key }) => key));
  const objects = (await Array.fromAsync(blobs.objects())).map(({ key }) => key).filter((key) => !known.has(key));
  const staging = (await Array.fromAsync(blobs.uploads())).filter(({ size }) => size > 0);
  return { sessions: rows[0]!.n, objects, staging };
}

/** Bytes may go a moment after the answer. */
async function settled(): Promise<void> {
  const nothing = { sessions: 0, objects: [], staging: [] };
  for (const end = performance.now() + 45_000; performance.now() < end; await Bun.sleep(20))
    if (Bun.deepEquals(await leftOver(), nothing)) return;
  expect(await leftOver()).toEqual(nothing);
}

const refusal = (level: string, more: object = {}) => ({
  code: 'DENIED',
  message: expect.stringContaining('storage limit'),
  detail: { reason: 'storage_limit', level, ...more },
});

describe('a registry with nothing left', () => {
  test('opens no upload, and refuses a manifest; what is there can be pushed again', async () => {
    const image = await pushImage(server.url, 'full/app', 'v1');
    await leave(0);
    const opened = await fetch(`${server.url}/v2/full/app/blobs/uploads/`, { method: 'POST' });
    expect(opened.status).toBe(403);
    expect(await errorOf(opened)).toMatchObject(refusal('registry', { needed: 0, used: await used() }));
    const again = await fetch(`${server.url}/v2/full/app/blobs/uploads/?digest=${image.layerDigest}`, {
      method: 'POST',
      body: image.layer,
    });
    expect(again.status).toBe(201);
    expect((await putManifest(server.url, 'full/app', 'v2', image.text)).status).toBe(201);
    const other = await putManifest(server.url, 'full/app', 'v3', `${image.text} `);
    expect(other.status).toBe(403);
    expect(await errorOf(other)).toMatchObject(refusal('registry', { needed: image.text.length + 1 }));
  });
});

describe('an upload that does not fit', () => {
  /** Each of them has more than the registry has left. */
  const large = randomBytes(3 * mib);
  const attempts = {
    'in one request': async () =>
      fetch(`${server.url}/v2/a/blobs/uploads/?digest=${digestOf(large)}`, { method: 'POST', body: large }),
    'as a chunk of a known length': async () =>
      fetch(await openUpload(server.url, 'a'), { method: 'PATCH', body: large }),
    'as a stream, when it has passed what is left': async () =>
      fetch(await openUpload(server.url, 'a'), { method: 'PATCH', body: slowly(large) }),
    'with the request that ends it': async () =>
      fetch(`${await openUpload(server.url, 'a')}?digest=${digestOf(large)}`, { method: 'PUT', body: large }),
    'as a second chunk': async () => {
      const session = await openUpload(server.url, 'a');
      const first = await fetch(session, { method: 'PATCH', body: large.slice(0, mib / 2) });
      expect(first.status).toBe(202);
      return fetch(session, { method: 'PATCH', body: large.slice(mib / 2) });
    },
  };
  for (const [how, attempt] of Object.entries(attempts)) {
    test(`is refused ${how}, and leaves nothing`, async () => {
      await leave(mib);
      const before = await used();
      const answer = await attempt();
      expect(answer.status).toBe(403);
      expect(await errorOf(answer)).toMatchObject(refusal('registry', { used: before, limit: before + mib }));
      expect(await used()).toBe(before);
      await settled();
    });
  }

  test('because another one was faster is refused at its end, and leaves nothing', async () => {
    // More than a part in S3.
    const [first, second] = [randomBytes(6 * mib), randomBytes(6 * mib)];
    await leave(10 * mib);
    const sessions = await Promise.all(
      [first, second].map(async (bytes) => {
        const session = await openUpload(server.url, 'late');
        expect((await fetch(session, { method: 'PATCH', body: bytes })).status).toBe(202);
        return session;
      }),
    );
    const end = (at: number, bytes: Uint8Array) =>
      fetch(`${sessions[at]}?digest=${digestOf(bytes)}`, { method: 'PUT' });
    expect((await end(0, first)).status).toBe(201);
    const late = await end(1, second);
    expect(late.status).toBe(403);
    expect(await errorOf(late)).toMatchObject(refusal('registry', { needed: 6 * mib }));
    expect((await fetch(sessions[1]!)).status).toBe(404);
    await settled();
    // The other one is whole.
    const pulled = await fetch(`${server.url}/v2/late/blobs/${digestOf(first)}`);
    expect(digestOf(await pulled.bytes())).toBe(digestOf(first));
  });
});

describe('many pushes at once', () => {
  test('fill what is left to the last byte and never pass it', async () => {
    const bytes = Array.from({ length: 24 }, () => randomBytes(10 * kib));
    await leave(100 * kib);
    const before = await used();
    const statuses = await Promise.all(
      bytes.map(async (body, n) => {
        const url = `${server.url}/v2/many/${n % 3}/blobs/uploads/?digest=${digestOf(body)}`;
        return (await fetch(url, { method: 'POST', body })).status;
      }),
    );
    expect(statuses.filter((status) => status === 201)).toHaveLength(10);
    expect(statuses.filter((status) => status === 403)).toHaveLength(14);
    expect(await used()).toBe(before + 100 * kib);
    await settled();
  });
});

describe('repositories', () => {
  test('have a limit of their own, the first that names them; what others of the registry have counts there', async () => {
    const limits = [
      { repository: 'team/free', limitBytes: 1024 * mib },
      { repository: 'team/*', limitBytes: 20 * kib },
    ];
    await limit({ repositories: limits });
    const layer = randomBytes(15 * kib);
    for (const name of ['other', 'team/a', 'team/free']) await pushBlob(server.url, name, layer);
    const more = randomBytes(10 * kib);
    await pushBlob(server.url, 'team/free', more);
    const mount = await fetch(`${server.url}/v2/team/a/blobs/uploads/?mount=${digestOf(more)}&from=team/free`, {
      method: 'POST',
    });
    expect(mount.status).toBe(403);
    expect(await errorOf(mount)).toMatchObject(
      refusal('repository', { repository: 'team/a', used: 15 * kib, limit: 20 * kib, needed: 10 * kib }),
    );
    // What the registry has already costs it nothing.
    await limit({ limitBytes: await used(), repositories: null });
    const mounted = await fetch(`${server.url}/v2/team/a/blobs/uploads/?mount=${digestOf(more)}&from=team/free`, {
      method: 'POST',
    });
    expect(mounted.status).toBe(201);
    expect(
      (await fetch(`${server.url}/v2/x/blobs/uploads/?digest=${digestOf(layer)}`, { method: 'POST', body: layer }))
        .status,
    ).toBe(201);
  });
});

test('a refusal is in the audit and in the metrics', async () => {
  await leave(0);
  const since = server.audit().length;
  const image = makeImage();
  const answer = await fetch(`${server.url}/v2/audited/blobs/uploads/?digest=${image.layerDigest}`, {
    method: 'POST',
    body: image.layer,
  });
  expect(answer.status).toBe(403);
  expect(server.audit(since).filter(({ target }) => target === 'audited')).toMatchObject([
    { action: 'push', outcome: 'denied', reason: 'storage_limit', target: 'audited', level: 'registry', needed: 1000 },
  ]);
  const text = await server.app.metrics.render();
  const counted = (level: string) =>
    Number(new RegExp(`^bonded_storage_refusals_total\\{level="${level}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
  expect([counted('registry'), counted('repository')]).toEqual([expect.any(Number), 1]);
  expect(counted('registry')).toBeGreaterThan(1);
});

test('wrong limits are refused', async () => {
  for (const quota of [
    { limitBytes: -1 },
    { limitBytes: 1.5 },
    { limitBytes: '10GiB' },
    { bytes: 1 },
    { repositories: [{ repository: '../x', limitBytes: 1 }] },
    { repositories: Array.from({ length: 101 }, (_, n) => ({ repository: `r${n}`, limitBytes: 1 })) },
  ])
    await expect(limit(quota)).rejects.toThrow(/: 400 /);
});

/** Bytes in pieces, without saying how many. */
function slowly(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      if (at >= bytes.length) return controller.close();
      await Bun.sleep(1);
      controller.enqueue(bytes.slice(at, (at += 256 * kib)));
    },
  });
}
