import { expect, test } from 'bun:test';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { bonded, inDirectory } from '../../test/support/command.ts';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { digestOf } from '../oci/index.ts';

test('config check names the key and the source of every mistake, and never a value', () =>
  inDirectory(async (directory) => {
    const file = join(directory, 'bonded.yaml');
    await writeFile(file, 'gc:\n  delay: soon\n  dellay: 1h\nlisten: nowhere\ndatabase: { statementTimeout: 0s }\n');
    const wrong = await bonded(['config', 'check', '--config', file], {
      BONDED_DATABASE_URL: 'mysql://user:secret@host/db',
      BONDED_GC_DLEAY: '1h',
    });
    expect(wrong.code).toBe(1);
    for (const key of ['gc.delay', 'gc.dellay', 'listen', 'database.url', 'database.statementTimeout'])
      expect(wrong.error).toContain(key);
    expect(wrong.error).toContain('BONDED_DATABASE_URL');
    expect(wrong.error).toContain(file);
    expect(wrong.error + wrong.out).not.toContain('secret');

    const right = await bonded(['config', 'check', '--set', 'gc.delay=1h'], { BONDED_GC_DLEAY: '1h' });
    expect(right).toMatchObject({ code: 0, error: '' });
    expect(right.out).toContain('gc.delay: set by command line');
    expect(right.out).toContain('BONDED_GC_DLEAY');
  }));

test('lesson 61: a secret on the command line is refused, with the way to hand it over', async () => {
  for (const flags of [
    ['--database', 'postgres://bonded:secret@db.example.com/bonded'],
    ['--database', 'postgres://bonded:with/secret@db.example.com/bonded'],
    ['--set', 'database.url=postgres://db.example.com/bonded?user=x&password=secret'],
  ]) {
    const refused = await bonded(['config', 'check', ...flags]);
    expect(refused.code).toBe(1);
    expect(refused.error).toContain('BONDED_DATABASE_URL_FILE');
    expect(refused.out + refused.error).not.toContain('secret');
  }
  const seal = await bonded(['config', 'check', '--set', `keys.secret=${'secret'.repeat(8)}`]);
  expect(seal).toMatchObject({ code: 1, out: '' });
  expect(seal.error).toContain('use BONDED_KEYS_SECRET_FILE');
  expect(seal.error).not.toContain('secretsecret');
  expect((await bonded(['config', 'check', '--database', 'postgres://bonded@db.example.com/bonded'])).code).toBe(0);
});

test('the command line wins over the environment, which wins over the file', () =>
  inDirectory(async (directory) => {
    const file = join(directory, 'bonded.yaml');
    await writeFile(file, 'gc: { delay: 1h, interval: 1h }\n');
    const args = ['config', 'check', '--config', file, '--set', 'log.level=debug'];
    const { out } = await bonded(args, { BONDED_GC_INTERVAL: '2h', BONDED_LOG_LEVEL: 'error' });
    expect(out).toContain(`gc.delay: set by ${file}`);
    expect(out).toContain('gc.interval: set by BONDED_GC_INTERVAL');
    expect(out).toContain('log.level: set by command line');
  }));

test.each([
  ['0.0.0.0:0', {}, true],
  ['0.0.0.0:0', { publicUrl: 'https://registry.example.com' }, false],
  ['127.0.0.1:0', {}, false],
])('listening on %s with %p, serve warns of tokens in the clear: %p', async (listen, settings, warns) => {
  await using server = await startTestProcess({ listen, settings });
  expect(server.output().includes('tokens travel in the clear')).toBe(warns);
});

test('serve refuses a data directory that is in use', () =>
  inDirectory(async (data) => {
    await using server = await startTestProcess({ data });
    const second = await bonded(['serve', '--listen', '127.0.0.1:0', '--data', data]);
    expect(second.code).toBe(1);
    expect(second.error).toContain('in use by another Bonded');
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  }));

test(
  'serve refuses a data directory without the content of its database, until somebody says that it is lost',
  () =>
    inDirectory(async (data) => {
      await using database = await freshDatabaseOptions();
      const url = database.kind === 'postgres' ? database.url : undefined;
      const start = () => startTestProcess({ data, ...(url && { database: url }) });
      const push = async (at: string) => {
        const digest = digestOf('kept');
        return (await fetch(`${at}/v2/app/blobs/uploads/?digest=${digest}`, { method: 'POST', body: 'kept' })).status;
      };
      await using server = await start();
      expect(await push(server.url)).toBe(201);
      await server.end();
      // As where a volume is not mounted.
      await rename(join(data, 'blobs'), join(data, 'elsewhere'));
      const flags = ['--data', data, ...(url ? ['--database', url] : [])];
      const refused = await bonded(['serve', '--listen', '127.0.0.1:0', ...flags]);
      expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('Is the disk mounted') });
      expect((await bonded(['fsck', '--repair', ...flags])).error).toContain('Is the disk mounted');
      await rm(join(data, 'blobs'), { recursive: true });
      await rename(join(data, 'elsewhere'), join(data, 'blobs'));
      await using mounted = await start();
      expect((await fetch(`${mounted.url}/v2/app/blobs/${digestOf('kept')}`)).status).toBe(200);
      await mounted.end();
      await rm(join(data, 'blobs'), { recursive: true });
      const { error } = await bonded(['serve', '--listen', '127.0.0.1:0', ...flags]);
      await writeFile(join(data, 'blobs', 'id'), /expected ([0-9a-f]{32})/.exec(error)![1]!);
      expect((await bonded(['fsck', '--repair', ...flags])).out).toContain('blob-missing');
      await using lost = await start();
      expect(await push(lost.url)).toBe(201);
    }),
  60_000,
);

test('a taken port: the next free one', () =>
  inDirectory(async (data) => {
    await using first = await startTestProcess();
    const port = Number(first.host.split(':')[1]);
    await using second = await startTestProcess({ data, listen: `127.0.0.1:${port}` });
    expect(Number(second.host.split(':')[1])).toBeGreaterThan(port);
    expect(second.output()).toContain('the port is taken; the next free one is used');
  }));

test(
  'gc lists what it would remove while the server runs, and removes exactly that once it is stopped',
  () =>
    inDirectory(async (data) => {
      await using database = await freshDatabaseOptions();
      const url = database.kind === 'postgres' ? database.url : undefined;
      await using server = await startTestProcess({
        data,
        ...(url && { database: url }),
        settings: { 'gc.delay': '1ms', 'gc.interval': '1h' },
      });
      const digest = digestOf('unreferenced');
      const push = `${server.url}/v2/team/app/blobs/uploads/?digest=${digest}`;
      expect((await fetch(push, { method: 'POST', body: 'unreferenced' })).status).toBe(201);
      // Its second copy waits for the sweep, and an upload was left in the middle.
      expect((await fetch(push, { method: 'POST', body: 'unreferenced' })).status).toBe(201);
      const opened = await fetch(`${server.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
      const location = opened.headers.get('location')!;
      expect((await fetch(server.url + location, { method: 'PATCH', body: 'half' })).status).toBe(202);
      const settings = ['--set', 'gc.delay=1ms', '--set', 'uploads.expiry=1ms'];
      const flags = ['--data', data, ...settings, ...(url ? ['--database', url] : [])];
      const dry = await bonded(['gc', '--dry-run', ...flags]);
      expect(dry).toMatchObject({ code: 0, error: '' });
      expect(dry.out).toContain(`link\tdefault\tteam/app\t${digest}`);
      expect(dry.out).toContain(`blob\t-\t-\t${digest}\t12\nblob\t-\t-\t${digest}\t12\n`);
      expect(dry.out).toContain(`upload\tdefault\tteam/app\t${location.split('/').at(-1)}\t4\n`);
      expect(dry.out).toContain('4 things would be removed, 28 bytes freed');
      expect((await fetch(`${server.url}/v2/team/app/blobs/${digest}`)).status).toBe(200);

      const running = await bonded(['gc', ...flags]);
      expect(running.code).toBe(1);
      expect(running.error).toContain('in use');
      await server.end();
      const real = await bonded(['gc', ...flags]);
      expect(real).toMatchObject({ code: 0, error: '' });
      expect(real.out).toContain('1 links, 2 blobs, 1 uploads');
      expect(real.out).toContain('freed 28 bytes');
      expect((await bonded(['fsck', '--verify', ...flags])).out).toBe('facts and bytes agree\n');
    }),
  60_000,
);

test(
  'fsck finds bytes that are gone, mends what hangs on them, and says what is left to do',
  () =>
    inDirectory(async (data) => {
      await using database = await freshDatabaseOptions();
      const url = database.kind === 'postgres' ? database.url : undefined;
      await using server = await startTestProcess({ data, ...(url && { database: url }) });
      const config = '{}';
      const digest = digestOf(config);
      const pushBlob = () =>
        fetch(`${server.url}/v2/app/blobs/uploads/?digest=${digest}`, { method: 'POST', body: config });
      expect((await pushBlob()).status).toBe(201);
      const mediaType = 'application/vnd.oci.image.manifest.v1+json';
      const reference = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 2 };
      const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: reference, layers: [] });
      const put = { method: 'PUT', body: manifest, headers: { 'Content-Type': mediaType } };
      expect((await fetch(`${server.url}/v2/app/manifests/1`, put)).status).toBe(201);
      await server.end();

      const flags = ['--data', data, ...(url ? ['--database', url] : [])];
      expect(await bonded(['fsck', '--verify', ...flags])).toEqual({
        code: 0,
        out: 'facts and bytes agree\n',
        error: '',
      });
      const shard = join(data, 'blobs', 'sha256', digest.slice(7, 9));
      for (const name of await readdir(shard)) await rm(join(shard, name));

      const looked = await bonded(['fsck', ...flags]);
      expect(looked.code).toBe(1);
      expect(looked.out).toContain(digest);
      const mended = await bonded(['fsck', '--repair', ...flags]);
      expect(mended.out).toContain('manifest-incomplete');
      expect(mended.out).toContain('"registry":"default","repository":"app"');
      expect(mended.error).toContain('were not mended');

      await using again = await startTestProcess({ data, ...(url && { database: url }) });
      expect((await fetch(`${again.url}/v2/app/blobs/${digest}`, { method: 'HEAD' })).status).toBe(404);
      const healed = await fetch(`${again.url}/v2/app/blobs/uploads/?digest=${digest}`, {
        method: 'POST',
        body: config,
      });
      expect(healed.status).toBe(201);
      await again.end();
      expect((await bonded(['fsck', '--verify', ...flags])).code).toBe(0);
    }),
  60_000,
);

test('ready says what the server at the configured address says, by its exit code too', async () => {
  await using server = await startTestProcess({ settings: { 'drain.delay': '3s', 'drain.timeout': '1s' } });
  const ask = (listen: string) => bonded(['ready', '--listen', listen], { HTTP_PROXY: 'http://127.0.0.1:9' });
  expect(await ask(server.host)).toEqual({ code: 0, out: 'ok\n', error: '' });
  const none = await ask('127.0.0.1:1');
  expect(none.code).toBe(1);
  expect(none.error).toStartWith('bonded: no answer from 127.0.0.1:1: ');
  server.process.kill('SIGTERM');
  const draining = await ask(server.host);
  expect(draining).toEqual({
    code: 1,
    out: '',
    error: `bonded: the server at ${server.host} is not ready: draining\n`,
  });
  await server.end();
});
