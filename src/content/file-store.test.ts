import { expect, test } from 'bun:test';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../oci/index.ts';
import { newUpload, stage, testBlobStore } from './blob-store.contract.ts';
import { createFileStore } from './file-store.ts';
import { nodeFileSystem } from './file-system.ts';

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

test('names that the store did not give are neither objects nor uploads', async () => {
  await using files = await openFiles();
  const hex = digestOf('x').slice(7);
  for (const shard of ['00', hex.slice(0, 2)]) await mkdir(join(files.data, 'blobs', 'sha256', shard));
  await writeFile(join(files.data, 'blobs', 'sha256', '00', `${hex}-${newUpload()}`), 'in the wrong shard');
  await writeFile(join(files.data, 'blobs', 'sha256', hex.slice(0, 2), 'README'), 'x');
  await mkdir(join(files.data, 'uploads', 'lost+found'));
  expect(await Array.fromAsync(files.store.objects())).toEqual([]);
  expect(await Array.fromAsync(files.store.uploads())).toEqual([]);
});

test('finds the object of a path that the system named, and of no other path', async () => {
  await using files = await openFiles();
  const key = files.store.keyOf(newUpload(), digestOf('x'));
  expect(files.store.keyOfPath(join(files.data, 'blobs', key))).toEqual({ key, digest: digestOf('x') });
  expect(files.store.keyOfPath(join(files.data, 'bonded.db'))).toBeUndefined();
  expect(files.store.keyOfPath(`/etc/blobs/${key}`)).toBeUndefined();
});

test('the directory of a new shard is durable before an object is in it, for everyone who comes at once', async () => {
  await using files = await openFiles();
  const calls: string[] = [];
  const store = await createFileStore(files.data, {
    ...nodeFileSystem,
    async syncDirectory(path) {
      await Bun.sleep(5);
      await nodeFileSystem.syncDirectory(path);
      calls.push(path.slice(files.data.length));
    },
    rename: (from, to) => (calls.push('rename'), nodeFileSystem.rename(from, to)),
  });
  const contents = Array.from({ length: 2000 }, (_, at) => `${at}`);
  const shard = (text: string) => digestOf(text).slice(7, 9);
  const same = contents.filter((text) => shard(text) === shard('0')).slice(0, 3);
  expect(same.length).toBe(3);
  calls.length = 0;
  await Promise.all(
    same.map(async (text) => {
      const upload = newUpload();
      const writer = await store.stage(upload, 0);
      await writer.write(Buffer.from(text));
      await writer.sync({ resumable: false });
      await writer.close();
      await store.publish(upload, digestOf(text));
    }),
  );
  expect(calls.filter((call) => call === '/blobs/sha256')).toHaveLength(1);
  expect(calls.indexOf('/blobs/sha256')).toBeLessThan(calls.indexOf('rename'));
});

test('lesson 54: the order of a commit is data, rename, directory', async () => {
  const data = await mkdtemp(join(tmpdir(), 'bonded-files-'));
  const calls: string[] = [];
  const store = await createFileStore(data, {
    ...nodeFileSystem,
    async open(path) {
      const file = await nodeFileSystem.open(path);
      return { ...file, datasync: () => (calls.push('datasync'), file.datasync()) };
    },
    rename: (from, to) => (calls.push('rename'), nodeFileSystem.rename(from, to)),
    syncDirectory: (path) => (calls.push('directory'), nodeFileSystem.syncDirectory(path)),
  });
  calls.length = 0;
  const upload = newUpload();
  await stage(store, upload, 0, Buffer.from('x'));
  await store.publish(upload, digestOf('x'));
  // The first directory sync makes the staging area's name durable, for a session that is resumed.
  // The second one is the new shard's.
  expect(calls).toEqual(['datasync', 'directory', 'directory', 'rename', 'directory']);
  await rm(data, { recursive: true });
});

test('short writes go on where they ended', async () => {
  await using files = await openFiles();
  const path = join(files.data, 'file');
  const file = await nodeFileSystem.open(path);
  await file.write([Buffer.from('abc'), Buffer.from('defg'), Buffer.from('h')], 0);
  await file.write([Buffer.from('XY')], 2);
  await file.close();
  expect(await Bun.file(path).text()).toBe('abXYefgh');
});
