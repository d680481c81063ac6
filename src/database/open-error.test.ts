import { expect, test } from 'bun:test';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from './index.ts';

const postgres = { kind: 'postgres', migrations: [], poolSize: 2, preparedStatements: true } as const;
const openAt = (url: string) => openDatabase({ ...postgres, url, statementTimeoutMs: 1000, connectTimeoutMs: 5000 });

function authentication(code: number, text: string): Buffer {
  const head = Buffer.alloc(9);
  head.write('R');
  head.writeInt32BE(8 + text.length, 1);
  head.writeInt32BE(code, 5);
  return Buffer.concat([head, Buffer.from(text)]);
}

test('a file that is no database, or no file, is named, with the way out', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-open-'));
  try {
    const path = join(directory, 'bonded.db');
    const open = () => openDatabase({ kind: 'sqlite', path, migrations: [] });
    await writeFile(path, 'no database at all');
    await expect(open()).rejects.toThrow(`facts in ${path}: it is damaged, or no database; restore`);
    await rm(path);
    await mkdir(path);
    await expect(open()).rejects.toThrow(`facts in ${path}: this user may not read and write it, or it is not a file`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('PostgreSQL that is away is named by its address, without user and password', async () => {
  const error: unknown = await openAt('postgres://somebody:swordfish@127.0.0.1:1/facts').catch((reason) => reason);
  expect((error as Error).message).toStartWith('PostgreSQL at 127.0.0.1:1/facts: ');
  expect((error as Error).message).toContain('check that it runs');
  expect((error as Error).message).not.toMatch(/swordfish|somebody/);
});

test('PostgreSQL that wants a password gets none: how to give one; the connection does not keep the process', async () => {
  // AuthenticationSASL and AuthenticationSASLContinue (PostgreSQL, "Message Formats").
  const asks = [authentication(10, 'SCRAM-SHA-256\0\0'), authentication(11, 'r=nonce,s=c2FsdA==,i=4096')];
  const closed = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on('data', () => socket.write(asks.shift() ?? ''));
    socket.on('error', () => {});
    socket.on('close', () => closed.resolve());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `postgres://somebody@127.0.0.1:${(server.address() as AddressInfo).port}/facts`;
    await expect(openAt(url)).rejects.toThrow('give one by BONDED_DATABASE_URL_FILE');
    await closed.promise;
  } finally {
    server.close();
  }
});
