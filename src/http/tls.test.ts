import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fetch } from '../../test/http/fetch.ts';
import { portOf } from '../../test/http/raw.ts';
import { pushImage } from '../../test/http/registry.ts';
import { bonded } from '../../test/support/command.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';
import { loadTls } from './tls.ts';

let directory: string;
let server: TestProcess;
let ca: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bonded-tls-'));
  const { out: output } = await bonded(['cert', 'dev', '--directory', directory]);
  const file = (name: string) => new RegExp(`^${name} +(\\S+)$`, 'm').exec(output)![1]!;
  ca = await Bun.file(file('authority')).text();
  server = await startTestProcess({ settings: { 'tls.certificate': file('certificate'), 'tls.key': file('key') } });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

test('serves over TLS with the certificate of `bonded cert dev`, also a large blob', async () => {
  expect(server.url).toStartWith('https://127.0.0.1:');
  const trusted = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, { ...init, tls: { ca } });
  expect((await trusted('/v2/')).status).toBe(200);
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const body = new Blob(Array.from({ length: 64 }, () => bytes));
  const digest = `sha256:${new Bun.CryptoHasher('sha256').update(await body.arrayBuffer()).digest('hex')}`;
  const pushed = await trusted(`/v2/tls/blobs/uploads/?digest=${digest}`, { method: 'POST', body });
  expect(pushed.status).toBe(201);
  expect(pushed.headers.get('location')).toBe(`/v2/tls/blobs/${digest}`);
  const pulled = await (await trusted(`/v2/tls/blobs/${digest}`)).arrayBuffer();
  expect(Buffer.from(pulled).equals(Buffer.from(await body.arrayBuffer()))).toBe(true);
});

test('a client that does not trust the authority is not served', async () => {
  await expect(pushImage(server.url, 'tls', 'latest')).rejects.toThrow(/certificate/);
});

test('lesson 17: HTTP/1.1 is all that is offered, HTTP/2 stalls large pushes', async () => {
  const { promise, resolve, reject } = Promise.withResolvers<string | false | null>();
  const socket = connect({ port: portOf(server.url), host: '127.0.0.1', ca, ALPNProtocols: ['h2', 'http/1.1'] });
  socket.once('secureConnect', () => resolve(socket.alpnProtocol)).once('error', reject);
  expect(await promise).not.toBe('h2');
  socket.destroy();
});

test('a missing certificate is named with its key', async () => {
  const settings = { 'tls.certificate': join(directory, 'none.pem'), 'tls.key': join(directory, 'none.key') };
  await expect(startTestProcess({ settings })).rejects.toThrow(/tls\.certificate: cannot read .*none\.pem: ENOENT/);
});

test('config check looks into the files', async () => {
  const files = { certificate: join(directory, 'server.crt'), key: join(directory, 'none.key') };
  const flags = Object.entries(files).flatMap(([name, file]) => ['--set', `tls.${name}=${file}`]);
  const refused = await bonded(['config', 'check', ...flags]);
  expect(refused).toMatchObject({ code: 1, out: '', error: `bonded: tls.key: cannot read ${files.key}: ENOENT\n` });
});

test('files that are not what they should be, or do not belong together, are named', async () => {
  const other = join(directory, 'other');
  expect((await bonded(['cert', 'dev', '--directory', other])).code).toBe(0);
  const [certificate, key] = [join(directory, 'server.crt'), join(directory, 'server.key')];
  const junk = join(directory, 'junk.pem');
  await writeFile(junk, 'junk');
  expect(loadTls({ certificate, key }).expires.getTime()).toBeGreaterThan(Date.now());
  expect(() => loadTls({ certificate: junk, key })).toThrow(`tls.certificate: ${junk} holds no certificate`);
  expect(() => loadTls({ certificate: key, key })).toThrow(`tls.certificate: ${key} holds no certificate`);
  expect(() => loadTls({ certificate, key: junk })).toThrow(`tls.key: ${junk} holds no private key`);
  expect(() => loadTls({ certificate, key: join(other, 'server.key') })).toThrow(
    `tls.key: ${join(other, 'server.key')} does not belong to the certificate in ${certificate}`,
  );
});
