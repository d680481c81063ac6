import { expect, test } from 'bun:test';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../oci/index.ts';
import { empty, newUpload, publish, stage, testBlobStore } from '../blob-store.contract.ts';
import { createFileStore } from './file-store.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';

async function openFiles() {
  const data = await mkdtemp(join(tmpdir(), 'bonded-files-'));
  return {
    data,
    store: await createFileStore(data),
    reopen: () => createFileStore(data),
    [Symbol.asyncDispose]: () => rm(data, { recursive: true, force: true }),
  };
}

testBlobStore('files', openFiles);

/** Writes down, in order, the calls that durability rests on. */
function recording(data: string) {
  const calls: string[] = [];
  const short = (path: string) => path.slice(data.length + 1).replaceAll(/[0-9a-f]{32,}/g, '*');
  const watch = <T>(file: T & { datasync(): Promise<void> }) => ({
    ...file,
    datasync: () => (calls.push('data'), file.datasync()),
  });
  const fs: FileSystem = {
    ...nodeFileSystem,
    create: async (path) => watch(await nodeFileSystem.create(path)),
    async open(path) {
      const file = await nodeFileSystem.open(path);
      return file && watch(file);
    },
    mkdir: (path) => (calls.push(`make ${short(path)}`), nodeFileSystem.mkdir(path)),
    rename: (from, to) => (calls.push(`rename to ${short(to).replace(/\/.*/, '')}`), nodeFileSystem.rename(from, to)),
    async syncDirectory(path) {
      await nodeFileSystem.syncDirectory(path);
      calls.push(`sync ${short(path)}`);
    },
  };
  return { calls, fs };
}

test('lesson 54: the order of a commit is data, rename, directory', async () => {
  await using files = await openFiles();
  const { calls, fs } = recording(files.data);
  const store = await createFileStore(files.data, fs);
  const hex = digestOf('x').slice(7, 9);
  const shard = `blobs/sha256/${hex}`;
  await publish(store, Buffer.from('x'));
  calls.length = 0;
  await publish(store, Buffer.from('x'));
  // A staging area that nobody resumes needs no durable name of its own, except that its shard may be new.
  expect(calls.filter((call) => !call.endsWith('uploads') && !call.startsWith('make'))).toEqual([
    'data',
    'rename to blobs',
    `sync ${shard}`,
  ]);
});

test('a session that can be resumed has a durable name, and its bytes are synced once more beside their new one', async () => {
  await using files = await openFiles();
  const { calls, fs } = recording(files.data);
  const store = await createFileStore(files.data, fs);
  const upload = newUpload();
  const shard = `uploads/${upload.slice(0, 2)}`;
  calls.length = 0;
  await stage(store, upload, empty, Buffer.from('x'));
  expect(calls).toEqual([`make ${shard}`, 'sync uploads', 'data', `sync ${shard}`]);
  calls.length = 0;
  const staging = (await store.stage(upload, 1))!;
  await staging.publish(digestOf('x'));
  await staging.close();
  expect(calls.indexOf('data')).toBeGreaterThan(calls.indexOf('rename to blobs'));
  await stage(store, upload, empty, Buffer.from('xyz'));
  calls.length = 0;
  // What was cut off must not come back after a power cut.
  const cut = (await store.stage(upload, 1))!;
  await cut.publish(digestOf('x'));
  await cut.close();
  expect(calls[0]).toBe('data');
});

test('an object that becomes a staging area again has a durable name there, too', async () => {
  await using files = await openFiles();
  const { calls, fs } = recording(files.data);
  const store = await createFileStore(files.data, fs);
  const upload = newUpload();
  await stage(store, upload, empty, Buffer.from('x'));
  const staging = (await store.stage(upload, 1))!;
  await staging.publish(digestOf('x'));
  await staging.close();
  calls.length = 0;
  await store.unpublish(upload, digestOf('x'));
  expect(calls).toEqual(['rename to uploads', `sync uploads/${upload.slice(0, 2)}`]);
});

test('objects that are removed do not come back, and each directory is synced once', async () => {
  await using files = await openFiles();
  const { calls, fs } = recording(files.data);
  const store = await createFileStore(files.data, fs);
  const keys = [await publish(store, Buffer.from('x')), await publish(store, Buffer.from('x'))];
  calls.length = 0;
  await store.remove(keys);
  expect(calls).toEqual([`sync blobs/sha256/${digestOf('x').slice(7, 9)}`]);
});

test('the directory of a new shard is durable before an object is in it, for everyone who comes at once', async () => {
  await using files = await openFiles();
  const { calls, fs } = recording(files.data);
  const slow = { ...fs, syncDirectory: (path: string) => Bun.sleep(5).then(() => fs.syncDirectory(path)) };
  const store = await createFileStore(files.data, slow);
  calls.length = 0;
  await Promise.all([1, 2, 3].map(() => publish(store, Buffer.from('x'))));
  expect(calls.filter((call) => call === 'sync blobs/sha256')).toHaveLength(1);
  expect(calls.indexOf('sync blobs/sha256')).toBeLessThan(calls.indexOf('rename to blobs'));
});

test('a staging area that was discarded meanwhile is not published', async () => {
  await using files = await openFiles();
  const { store } = files;
  const upload = newUpload();
  const staging = (await store.stage(upload, 0))!;
  await staging.write(Buffer.from('x'));
  await store.discard(upload, async () => new Set());
  await expect(staging.publish(digestOf('x'))).rejects.toThrow();
  await staging.close();
  expect(await store.published!(upload, digestOf('x'))).toBeUndefined();
});

test('files are readable by the server alone', async () => {
  await using files = await openFiles();
  const key = await publish(files.store, Buffer.from('secret'));
  expect((await stat(join(files.data, 'blobs', key))).mode & 0o777).toBe(0o600);
  expect((await stat(join(files.data, 'blobs'))).mode & 0o777).toBe(0o700);
});

test('names that the store did not give are neither objects nor uploads', async () => {
  await using files = await openFiles();
  const hex = digestOf('x').slice(7);
  const shard = join(files.data, 'blobs', 'sha256', hex.slice(0, 2));
  await mkdir(shard, { recursive: true });
  await mkdir(join(files.data, 'blobs', 'sha256', '00'), { recursive: true });
  await mkdir(join(files.data, 'uploads', 'ab'), { recursive: true });
  await writeFile(join(files.data, 'blobs', 'sha256', '00', `${hex}-${newUpload()}`), 'in the wrong shard');
  for (const name of ['README', hex, `${hex}-`, `${hex}-${'A'.repeat(32)}`, `${hex}-${newUpload()}.tmp`, '-', '日本']) {
    await writeFile(join(shard, name), 'x');
  }
  await writeFile(join(files.data, 'blobs', 'sha256', 'stray'), 'x');
  await writeFile(join(files.data, 'uploads', 'stray'), 'x');
  await writeFile(join(files.data, 'uploads', 'ab', `cd${newUpload().slice(2)}`), 'in the wrong shard');
  await mkdir(join(files.data, 'uploads', 'lost+found'));
  await symlink('/nowhere', join(files.data, 'uploads', 'ab', `ab${newUpload().slice(2)}`));
  expect(await Array.fromAsync(files.store.objects())).toEqual([]);
  expect(await Array.fromAsync(files.store.uploads())).toEqual([]);
});

test('finds the object of a path that the system named, and of no other path', async () => {
  await using files = await openFiles();
  const key = await publish(files.store, Buffer.from('x'));
  const upload = key.slice(-32);
  expect(files.store.objectAt(join(files.data, 'blobs', key))).toEqual({ key, upload, digest: digestOf('x') });
  for (const path of [`${files.data}/bonded.db`, `/etc/blobs/${key}`, `${files.data}/blobs/${key}/x`, key, '']) {
    expect(files.store.objectAt(path)).toBeUndefined();
  }
});

test('an object is removed while somebody reads it: the reader gets all of it', async () => {
  await using files = await openFiles();
  const key = await publish(files.store, Buffer.alloc(8_000_000, 'x'));
  const reader = new Response(await files.store.read(key, 0, 7_999_999)).body!.getReader();
  let bytes = (await reader.read()).value!.length;
  await files.store.remove([key]);
  for (let next = await reader.read(); !next.done; next = await reader.read()) bytes += next.value.length;
  expect(bytes).toBe(8_000_000);
});

test('short writes go on where they ended', async () => {
  await using files = await openFiles();
  const path = join(files.data, 'file');
  const file = await nodeFileSystem.create(path);
  await file.write([Buffer.from('abc'), Buffer.from('defg'), Buffer.from('h')], 0);
  await file.write([Buffer.from('XY')], 2);
  await file.close();
  expect(await readFile(path, 'utf8')).toBe('abXYefgh');
});
