import { expect, test } from 'bun:test';
import type { OpenFile } from './file-system.ts';
import { createStagingFile } from './staging-file.ts';

/** A file whose writes and syncs end when the test says so. */
function slowFile() {
  const waiting: (() => void)[] = [];
  const calls: string[] = [];
  const later = (call: string) => {
    calls.push(call);
    return new Promise<void>((resolve) => waiting.push(resolve));
  };
  const file: OpenFile = {
    write: (chunks, position) => later(`write ${chunks.reduce((sum, chunk) => sum + chunk.length, 0)} at ${position}`),
    datasync: () => later('sync'),
    truncate: async (length) => void calls.push(`cut to ${length}`),
    size: async () => 0,
    close: async () => void calls.push('close'),
  };
  return { file, calls, waiting, next: () => waiting.shift()?.() };
}

/** A part of its buffer, so that it may be written again and again. */
const chunk = new Uint8Array(128 * 1024 + 1).subarray(1);
const settled = (promise: Promise<unknown> | undefined) =>
  Promise.race([Promise.resolve(promise).then(() => true), Bun.sleep(5).then(() => false)]);

test('a slow disk slows the sender down: two batches are in memory, no more', async () => {
  const { file, calls, next } = slowFile();
  const staging = createStagingFile(file, 0, false);
  for (let at = 0; at < 3; at++) expect(staging.write(chunk)).toBeUndefined();
  // The first batch is on its way: the second one may gather.
  expect(await settled(staging.write(chunk))).toBe(true);
  for (let at = 0; at < 3; at++) expect(staging.write(chunk)).toBeUndefined();
  const full = staging.write(chunk);
  expect(await settled(full)).toBe(false);
  expect(staging.readable()).toBe(0);
  expect(staging.unreadable()).toHaveLength(8);
  expect(calls).toEqual(['write 524288 at 0']);
  next();
  expect(await settled(full)).toBe(true);
  expect(staging.readable()).toBe(524_288);
  expect(calls).toEqual(['write 524288 at 0', 'write 524288 at 524288']);
});

test('the more uploads there are, the less each gathers in memory', async () => {
  const { file, calls } = slowFile();
  const staging = createStagingFile(file, 0, false);
  expect(staging.write(chunk)).toBeUndefined();
  const others = Array.from({ length: 200 }, () => createStagingFile(slowFile().file, 0, false));
  expect(await settled(staging.write(new Uint8Array(1)))).toBe(true);
  expect(calls).toEqual(['write 131073 at 0']);
  for (const other of others) await other.close();
  for (const other of others) await other.close();
  // Closed twice they are gone once.
  for (let at = 0; at < 3; at++) expect(staging.write(chunk)).toBeUndefined();
});

test('a large upload is synced while it arrives, so that little is left to sync at its end', async () => {
  const { file, calls, next, waiting } = slowFile();
  const staging = createStagingFile(file, 0, false);
  const send = async () => {
    for (let bytes = 0; bytes < 200 * 1024 * 1024; bytes += chunk.length) await staging.write(chunk);
    await staging.datasync();
  };
  const done = send();
  while (!(await settled(done))) while (waiting.length > 0) next();
  const syncs = calls.flatMap((call, at) => (call === 'sync' ? [at] : []));
  expect(syncs.length).toBe(4);
  expect(syncs.at(-1)).toBe(calls.length - 1);
  // The last one covers no more than what came since the one before.
  expect(syncs.at(-1)! - syncs.at(-2)!).toBeLessThan(140);
});

test('one sync is under way at a time, and the sender waits for it', async () => {
  let syncs = 0;
  const { file } = slowFile();
  const hanging = { ...file, write: async () => {}, datasync: () => (syncs++, new Promise<void>(() => {})) };
  const staging = createStagingFile(hanging, 0, false);
  let sent = 0;
  const send = async () => {
    for (; sent < 300 * 1024 * 1024; sent += chunk.length) await staging.write(chunk);
  };
  expect(await Promise.race([send().then(() => 'sent'), Bun.sleep(200).then(() => 'waits')])).toBe('waits');
  expect(syncs).toBe(1);
  expect(sent).toBeGreaterThan(64 * 1024 * 1024);
  expect(sent).toBeLessThan(140 * 1024 * 1024);
});

test('the first failure is told by every later call, and the file can still be cut and closed', async () => {
  const calls: string[] = [];
  const staging = createStagingFile(
    {
      write: () => Promise.reject(new Error('broken disk')),
      datasync: async () => {},
      truncate: async (length) => void calls.push(`cut to ${length}`),
      size: async () => 0,
      close: async () => void calls.push('close'),
    },
    7,
    false,
  );
  for (let at = 0; at < 4; at++) await staging.write(chunk);
  await expect(staging.datasync()).rejects.toThrow('broken disk');
  await expect(staging.datasync()).rejects.toThrow('broken disk');
  await staging.truncate();
  await staging.close();
  expect(calls).toEqual(['cut to 7', 'close']);
});

test('many small chunks are written before they are more than one call takes', async () => {
  const { file, calls, next } = slowFile();
  const staging = createStagingFile(file, 0, false);
  for (let at = 0; at < 512; at++) void staging.write(new Uint8Array(1));
  await Bun.sleep(0);
  expect(calls).toEqual(['write 512 at 0']);
  next();
});

test('a chunk that is all of its buffer is freed when it is written, and no other', async () => {
  const { file, next } = slowFile();
  const staging = createStagingFile(file, 0, false);
  const [whole, part] = [new Uint8Array(512 * 1024), new Uint8Array(10).subarray(1)];
  void staging.write(part);
  void staging.write(whole);
  expect([whole.length, part.length]).toEqual([512 * 1024, 9]);
  for (const until = Date.now() + 4000; whole.length > 0 && Date.now() < until; await Bun.sleep(1)) next();
  expect([whole.length, part.length]).toEqual([0, 9]);
});
