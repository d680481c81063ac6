import { expect, test } from 'bun:test';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from '../../src/configuration.ts';
import { fetch } from '../http/fetch.ts';
import { openUpload, pushBlob, pushImage, randomBytes } from '../http/registry.ts';
import { managementOf, registry } from '../support/management.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { listBucket, s3Environment, startS3 } from '../support/s3.ts';
import { startS3Faults } from '../support/s3-faults.ts';
import { s3Settings } from '../support/storage.ts';
import { startTestApp, startTestProcess } from '../support/server.ts';

const root = join(import.meta.dir, '..', '..');
const large = randomBytes(12 * 1024 * 1024);

test('a presigned read is a redirect to S3 on GET alone, for some clients not, and its address is in no log', async () => {
  const settings = {
    ...(await s3Settings()),
    'storage.s3.presignedReads.enabled': true,
    'storage.s3.presignedReads.exceptClients': 'forwards-credentials, other',
    'log.level': 'debug',
  };
  await using server = await startTestProcess({ settings, environment: s3Environment });
  const digest = await pushBlob(server.url, 'app', large);
  const url = `${server.url}/v2/app/blobs/${digest}`;
  const redirect = await fetch(url, { redirect: 'manual' });
  expect(redirect.status).toBe(307);
  expect(redirect.headers.get('docker-content-digest')).toBe(digest);
  const address = new URL(redirect.headers.get('location')!);
  expect(address.origin).toBe((await startS3()).endpoint);
  expect(Number(address.searchParams.get('X-Amz-Expires'))).toBe(300);
  const found = await fetch(url);
  expect(found.headers.get('content-type')).toBe('application/octet-stream');
  expect(found.headers.get('content-disposition')).toBe('attachment');
  expect(Buffer.from(await found.bytes()).equals(large)).toBe(true);
  const part = await fetch(url, { headers: { Range: 'bytes=5-9' } });
  expect([part.status, (await part.bytes()).length]).toEqual([206, 5]);
  expect((await fetch(url, { method: 'HEAD', redirect: 'manual' })).status).toBe(200);
  expect((await fetch(url, { redirect: 'manual', headers: { 'User-Agent': 'Forwards-Credentials/1' } })).status).toBe(
    200,
  );
  expect((await fetch(url, { redirect: 'manual', headers: { 'If-None-Match': `"${digest}"` } })).status).toBe(304);
  await server.end();
  expect(server.output()).toContain(digest);
  for (const secret of [address.searchParams.get('X-Amz-Signature')!, 'X-Amz', s3Environment.AWS_SECRET_ACCESS_KEY])
    expect(server.output()).not.toContain(secret);
});

test('nobody gets an address of S3 for a blob that no image has which is let out', async () => {
  const settings = { ...(await s3Settings()), 'storage.s3.presignedReads.enabled': true, 'scanning.parallel': 0 };
  await using server = await startTestApp({ settings });
  const management = managementOf(server.url);
  const policy = (unscanned: string) =>
    management.put(`${registry}/admissionPolicies/strict`, {
      repositories: ['app'],
      mode: 'enforce',
      blobs: 'admitted',
      unscanned,
    });
  await policy('deny');
  const { layerDigest } = await pushImage(server.url, 'app', 'v1');
  const password = await management.token('runtime', ['repositories/app/content/read']);
  const headers = { Authorization: `Basic ${btoa(`runtime:${password}`)}` };
  const get = () => fetch(`${server.url}/v2/app/blobs/${layerDigest}`, { redirect: 'manual', headers });
  const refused = await get();
  expect([refused.status, refused.headers.get('location')]).toEqual([403, null]);
  await policy('allow');
  for (const end = Date.now() + 30_000; (await get()).status !== 307 && Date.now() < end;) await Bun.sleep(50);
  expect((await get()).headers.get('location')).toStartWith((await startS3()).endpoint);
});

test('encryption is asked for wherever an object is made, and nowhere else', async () => {
  const s3 = await startS3();
  for (const mode of ['none', 'AES256', 'aws:kms']) {
    await using proxy = await startS3Faults(s3.endpoint);
    const settings = {
      ...(await s3Settings(proxy.endpoint)),
      'storage.s3.encryption.mode': mode,
      ...(mode === 'aws:kms' && { 'storage.s3.encryption.kmsKeyId': 'alias/registry' }),
    };
    await using server = await startTestApp({ settings });
    await pushBlob(server.url, 'app', large);
    const session = await openUpload(server.url, 'app');
    expect((await fetch(session, { method: 'PATCH', body: 'small' })).status).toBe(202);
    const digest = new Bun.CryptoHasher('sha256').update('small').digest('hex');
    expect((await fetch(`${session}?digest=sha256:${digest}`, { method: 'PUT' })).status).toBe(201);
    const made = new Set<string>();
    for (const { operation, headers } of proxy.requests) {
      const makes = ['PutObject', 'CopyObject', 'CreateMultipartUpload'].includes(operation);
      if (makes) made.add(operation);
      const expected = makes && mode !== 'none' ? mode : undefined;
      expect([operation, headers['x-amz-server-side-encryption']]).toEqual([operation, expected]);
      const key = expected === 'aws:kms' ? 'alias/registry' : undefined;
      expect(headers['x-amz-server-side-encryption-aws-kms-key-id']).toBe(key);
    }
    expect(made.size).toBe(3);
  }
});

test('with SQLite the data directory holds the facts alone', async () => {
  await using server = await startTestApp({ settings: await s3Settings() });
  await pushBlob(server.url, 'app', large);
  const names = (await readdir(server.data)).filter((name) => !/^bonded\.db|^lock/.test(name));
  expect(names.toSorted()).toEqual(['keys', 'spool']);
  expect(await readdir(join(server.data, 'spool'))).toEqual([]);
});

test.skipIf(!findPostgres())(
  'with PostgreSQL there is no data directory, and two servers share everything',
  async () => {
    const postgres = await startPostgres({ durable: false });
    try {
      const data = join(tmpdir(), `bonded-none-${process.pid}`);
      const settings = await s3Settings();
      await using first = await startTestApp({ settings, data, database: postgres.url });
      await using second = await startTestApp({ settings, data, database: postgres.url });
      const digest = await pushBlob(first.url, 'app', large);
      expect(Buffer.from(await (await fetch(`${second.url}/v2/app/blobs/${digest}`)).bytes()).equals(large)).toBe(true);
      const session = await openUpload(first.url, 'app');
      expect((await fetch(session, { method: 'PATCH', body: large })).status).toBe(202);
      const closed = await fetch(`${session.replace(first.url, second.url)}?digest=${digest}`, { method: 'PUT' });
      expect(closed.status).toBe(201);
      await expect(readdir(data)).rejects.toThrow('ENOENT');
    } finally {
      await postgres.stop();
    }
  },
  60_000,
);

async function bonded(...args: string[]): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([join(root, 'bin', 'bonded'), ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...s3Environment },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: out + err };
}

test('fsck --rebuild makes facts of what a bucket holds, whose database was lost', async () => {
  const settings = await s3Settings();
  const data = await mkdtemp(join(tmpdir(), 'bonded-rebuild-'));
  const flags = ['--data', data, ...Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])];
  const bucket = String(settings['storage.s3.bucket']);
  try {
    let digest: string;
    {
      await using server = await startTestApp({ settings, data });
      digest = await pushBlob(server.url, 'app', large);
      await pushBlob(server.url, 'app', 'small');
    }
    expect(await bonded('fsck', '--verify', ...flags)).toMatchObject({ code: 0, output: 'facts and bytes agree\n' });
    for (const name of await readdir(data)) if (name.startsWith('bonded.db')) await rm(join(data, name));
    await expect(startTestApp({ settings, data })).rejects.toThrow('holds content, but the database is new');
    for (const name of await readdir(data)) if (name.startsWith('bonded.db')) await rm(join(data, name));
    const rebuilt = await bonded('fsck', '--rebuild', ...flags);
    expect(rebuilt.output.match(/mended\tobject-adopted/g)).toHaveLength(2);
    expect(rebuilt.output).toContain(digest);
    // No repository lists them yet; the bytes are found whole.
    expect((await bonded('fsck', '--verify', ...flags)).output).not.toMatch(/blob-(?:missing|size|digest)/);
    expect((await bonded('gc', '--dry-run', ...flags)).code).toBe(0);
    // The id, the small blob, and the large one with its name.
    expect(await listBucket(bucket)).toHaveLength(4);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
});

test('a server that cannot use its bucket says why, and what to look at', async () => {
  const settings = await s3Settings();
  const attempt = async (changed: typeof settings, environment: Record<string, string> = {}) => {
    const given = { settings: { ...settings, ...changed }, environment: { ...s3Environment, ...environment } };
    return String(await startTestProcess(given).catch((error: unknown) => error));
  };
  const place = `cannot use s3://${settings['storage.s3.bucket']}/: `;
  expect(await attempt({}, { AWS_SECRET_ACCESS_KEY: 'wrong' })).toContain(`${place}HeadObject id: Unknown (status 403`);
  expect(await attempt({ 'storage.s3.bucket': 'not-there' })).toMatch(/NoSuchBucket .*; is there a bucket of the name/);
  const nobody = await attempt({ 'storage.s3.endpoint': 'http://127.0.0.1:9' });
  expect(nobody).toContain(`${place}HeadObject id: ECONNREFUSED; is storage.s3.endpoint right`);
  const plain = String(settings['storage.s3.endpoint']).replace('http:', 'https:');
  expect(await attempt({ 'storage.s3.endpoint': plain })).toContain(`${place}HeadObject id: ECONNRESET (`);
});

test('settings that cannot work are refused with what to do', () => {
  const problemOf = (flags: Record<string, string>) => {
    try {
      loadConfiguration({ environment: {}, flags: { 'storage.s3.bucket': 'bucket', ...flags } });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(problemOf({})).toBe('');
  expect(problemOf({ 'storage.s3.partSize': '5MiB' })).toContain('raise storage.s3.partSize');
  expect(problemOf({ 'storage.s3.partSize': '4MiB' })).toContain('must be from 5MiB to 5GiB');
  expect(problemOf({ 'storage.s3.endpoint': 'https://key:secret@s3.example.com' })).toContain(
    'must not hold credentials',
  );
  expect(problemOf({ 'storage.s3.endpoint': 'https://key:secret@s3.example.com' })).not.toContain('secret');
  expect(problemOf({ 'storage.s3.prefix': '/x' })).toContain('storage.s3.prefix');
  expect(problemOf({ 'storage.s3.bucket': 'a/b' })).toContain('must be the name of a bucket');
  expect(problemOf({ 'storage.s3.encryption.kmsKeyId': 'x' })).toContain('kmsKeyId goes with the mode aws:kms');
  expect(problemOf({ 'storage.s3.presignedReads.expiry': '8d' })).toContain('must be from 10s to 1h');
});
