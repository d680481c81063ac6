import { expect, test } from 'bun:test';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
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

test('a start that was interrupted half-way through making the directories is finished by the next', async () => {
  await using files = await openFiles();
  await rm(join(files.data, 'blobs', 'sha512', 'ff'), { recursive: true });
  await rm(join(files.data, 'blobs', 'sha256', '7f'), { recursive: true });
  await files.reopen();
  expect((await readdir(join(files.data, 'blobs', 'sha256'))).length).toBe(256);
  expect((await readdir(join(files.data, 'blobs', 'sha512'))).length).toBe(256);
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
  expect(calls).toEqual(['datasync', 'directory', 'rename', 'directory']);
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
