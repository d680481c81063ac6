import { expect, test } from 'bun:test';
import { fetch } from '../http/fetch.ts';
import { digestOf, errorOf, openUpload, pushImage, randomBytes } from '../http/registry.ts';
import { s3Environment, startS3 } from '../support/s3.ts';
import { haveSmallDisks, openSmallDisk } from './small-disk.ts';

const MiB = 1024 * 1024;
const able = haveSmallDisks && (process.env['CI'] === 'true' || (Bun.which('versitygw') && Bun.which('setpriv')));

test.skipIf(!able)(
  'with content in S3, a full disk where parts wait refuses uploads, and takes them again',
  async () => {
    const s3 = await startS3();
    await using disk = await openSmallDisk('size=64m');
    const settings = {
      'storage.s3.bucket': await s3.bucket(),
      'storage.s3.endpoint': s3.endpoint,
      'storage.s3.pathStyle': true,
    };
    await using server = await disk.start({ settings, environment: s3Environment });
    const image = await pushImage(server.url, 'app', 'v1');
    const bytes = randomBytes(24 * MiB);
    const url = `${server.url}/v2/app/blobs/uploads/?digest=${digestOf(bytes)}`;
    const session = await openUpload(server.url, 'app');
    expect((await fetch(session, { method: 'PATCH', body: bytes.subarray(0, 6 * MiB) })).status).toBe(202);
    await disk.fill(4 * MiB);
    for (const push of [
      () => fetch(url, { method: 'POST', body: bytes }),
      () => fetch(session, { method: 'PATCH', body: bytes.subarray(6 * MiB) }),
    ]) {
      const refused = await push();
      expect(refused.status).toBe(507);
      expect((await errorOf(refused)).code).toBe('INSUFFICIENT_STORAGE');
    }
    // What was refused takes no space.
    expect(await disk.available()).toBeGreaterThan(3 * MiB);
    const layer = await fetch(`${server.url}/v2/app/blobs/${image.layerDigest}`);
    expect(digestOf(await layer.bytes())).toBe(image.layerDigest);
    expect((await fetch(session)).headers.get('range')).toBe(`0-${6 * MiB - 1}`);

    await disk.free();
    expect((await fetch(session, { method: 'PATCH', body: bytes.subarray(6 * MiB) })).status).toBe(202);
    expect((await fetch(`${session}?digest=${digestOf(bytes)}`, { method: 'PUT' })).status).toBe(201);
    expect((await fetch(url, { method: 'POST', body: bytes })).status).toBe(201);
    const pulled = await fetch(`${server.url}/v2/app/blobs/${digestOf(bytes)}`);
    expect(digestOf(await pulled.bytes())).toBe(digestOf(bytes));
  },
  60_000,
);
