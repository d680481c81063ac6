import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { RegistryError } from '../errors/index.ts';
import { digestOf } from '../oci/index.ts';
import { empty, stage } from './blob-store.contract.ts';
import { bodyOf, brokenBody, codeOf, nothing, openContentRig, owner } from './content-rig.double.ts';
import { nodeFileSystem } from './files/file-system.ts';
import { findBlob } from './store.ts';

for (const algorithm of ['sha256', 'sha512'] as const) {
  test(`a ${algorithm} blob in one request, in chunks, and in a session with one body`, async () => {
    await using rig = await openContentRig();
    const bytes = randomBytes(300_000);
    const digest = digestOf(bytes, algorithm);
    const whole = await rig.uploads.put(owner, bodyOf(bytes), digest, rig.link);
    expect(await rig.bytes(whole.key)).toEqual(bytes);
    expect(await findBlob(rig.db, digest)).toEqual({ key: whole.key, size: bytes.length });

    const other = randomBytes(300_000);
    const chunked = await rig.open(algorithm);
    expect(await rig.append(chunked, bodyOf(other.subarray(0, 100_000)), 0)).toBe(100_000);
    expect(await rig.append(chunked, bodyOf(other.subarray(100_000)))).toBe(300_000);
    const closed = await rig.close(chunked, undefined, digestOf(other, algorithm));
    expect(await rig.bytes(closed.key)).toEqual(other);

    const third = randomBytes(1000);
    const last = await rig.close(await rig.open(algorithm), bodyOf(third), digestOf(third, algorithm));
    expect(await rig.bytes(last.key)).toEqual(third);
    expect(await rig.left()).toEqual({ ...nothing, objects: 3 });
  });
}

test('lesson 6: the digest may turn out to be of another algorithm than was foreseen', async () => {
  await using rig = await openContentRig();
  const bytes = randomBytes(2_000_000);
  const withBody = await rig.open('sha256');
  await rig.append(withBody, bodyOf(bytes.subarray(0, 1_500_000)));
  const closed = await rig.close(withBody, bodyOf(bytes.subarray(1_500_000)), digestOf(bytes, 'sha512'));
  expect(await rig.bytes(closed.key)).toEqual(bytes);
  const without = await rig.open('sha512');
  await rig.append(without, bodyOf(bytes));
  expect((await rig.close(without, undefined, digestOf(bytes))).size).toBe(bytes.length);
});

test('lesson 4: the offset that was answered holds after a restart, with its bytes', async () => {
  await using rig = await openContentRig();
  const bytes = randomBytes(900_000);
  const id = await rig.open();
  let at = 0;
  for (const end of [250_000, 600_000, 900_000]) {
    const node = rig.elsewhere();
    const chunk = bodyOf(bytes.subarray(at, end));
    expect(await node.hold(id, owner, (session) => session.append(chunk, at))).toBe(end);
    expect((await rig.store.staged(id))!.size).toBe(end);
    at = end;
  }
  await rig.elsewhere().hold(id, owner, (session) => session.close(undefined, digestOf(bytes), rig.link));
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('lesson 5: a session goes on where no live hash is, and its digest is right at the end', async () => {
  await using rig = await openContentRig();
  const bytes = randomBytes(9_000_000);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes.subarray(0, 6_000_000)));
  const node = rig.elsewhere();
  const chunks = Array.from({ length: 30 }, (_, at) =>
    bytes.subarray(6_000_000 + at * 1e5, 6_000_000 + (at + 1) * 1e5),
  );
  await node.hold(id, owner, (session) => session.append(bodyOf(...chunks), undefined));
  expect((await node.hold(id, owner, (session) => session.close(undefined, digestOf(bytes), rig.link))).size).toBe(9e6);
});

test('lesson 3: what a broken body delivered is kept, and the session goes on', async () => {
  await using rig = await openContentRig();
  const bytes = randomBytes(100_000);
  const id = await rig.open();
  expect(await codeOf(rig.append(id, brokenBody(bytes.subarray(0, 60_000)), 0))).toBe('400 BLOB_UPLOAD_INVALID');
  expect(await rig.offset(id)).toBe(60_000);
  await rig.append(id, bodyOf(bytes.subarray(60_000)), 60_000);
  await rig.close(id, undefined, digestOf(bytes));
});

test('a body that is not as long as its headers say is not taken for whole', async () => {
  await using rig = await openContentRig();
  for (const [length, refusal] of [
    [2, '400 SIZE_INVALID'],
    [4, '400 BLOB_UPLOAD_INVALID'],
  ] as const) {
    const put = rig.uploads.put(owner, { ...bodyOf('abc'), length }, digestOf('abc'), rig.link);
    expect(await codeOf(put)).toBe(refusal);
  }
  expect(await rig.left()).toEqual(nothing);
});

test('lesson 7: a wrong digest or a broken last body leaves the session as it was', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('hello '));
  const wrong = digestOf('something else');
  expect(await codeOf(rig.close(id, bodyOf('WRONG'), wrong))).toBe('400 DIGEST_INVALID');
  expect(await codeOf(rig.close(id, undefined, wrong))).toBe('400 DIGEST_INVALID');
  expect(await codeOf(rig.close(id, brokenBody(Buffer.from('world')), digestOf('hello world')))).toBe(
    '400 BLOB_UPLOAD_INVALID',
  );
  expect(await rig.offset(id)).toBe(6);
  // What the refused bodies wrote is given back.
  expect((await rig.store.staged(id))!.size).toBe(6);
  const closed = await rig.close(id, bodyOf('world'), digestOf('hello world'));
  expect((await rig.bytes(closed.key)).toString()).toBe('hello world');
});

test('a wrong digest in a single request leaves nothing', async () => {
  await using rig = await openContentRig();
  expect(await codeOf(rig.uploads.put(owner, bodyOf('abc'), digestOf('abd'), rig.link))).toBe('400 DIGEST_INVALID');
  expect(await rig.left()).toEqual(nothing);
});

test('bytes behind the offset, which a crash left, are never part of a blob', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('hello'));
  const staging = (await rig.store.stage(id, 5, (await rig.uploads.find(id, owner)).mark))!;
  void staging.write(Buffer.from(' and more'));
  await staging.sync();
  await staging.close();
  const closed = await rig.close(id, undefined, digestOf('hello'));
  expect((await rig.bytes(closed.key)).toString()).toBe('hello');
});

test('an upload that begins anew forgets its digest before it overwrites the bytes', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('a long first attempt'));
  // The crash comes when the new attempt is about to touch the bytes.
  const dying = rig.openOver({ ...rig.store, stage: () => Promise.reject(new Error('crash')) });
  await expect(dying.hold(id, owner, (session) => session.append(bodyOf('new'), 0))).rejects.toThrow('crash');
  expect(await rig.uploads.find(id, owner)).toMatchObject({ offset: 0, digest: null });
  await rig.append(id, bodyOf('new'), 0);
  expect((await rig.close(id, undefined, digestOf('new'))).size).toBe(3);
});

test('staged bytes that are gone are never published under the digest that was recorded', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('hello'));
  await rig.store.discard(id, async () => new Set());
  await stage(rig.store, id, empty, Buffer.from('he'));
  const digest = digestOf('hello');
  expect(await codeOf(rig.close(id, undefined, digest))).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect(await findBlob(rig.db, digest)).toBeUndefined();
  expect(await codeOf(rig.uploads.find(id, owner))).toBe('404 BLOB_UPLOAD_UNKNOWN');
});

test('lesson 12: an empty blob, with and without a body, in a session and alone', async () => {
  await using rig = await openContentRig();
  await rig.uploads.put(owner, undefined, digestOf(''), rig.link);
  await rig.close(await rig.open(), bodyOf(), digestOf(''));
  const id = await rig.open();
  expect(await rig.append(id, undefined)).toBe(0);
  expect(await rig.append(id, bodyOf())).toBe(0);
  const closed = await rig.close(id, undefined, digestOf(''));
  expect(await rig.store.size(closed.key)).toBe(0);
});

test('lesson 13: a session is unknown to another repository, registry and creator', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  for (const other of [{ repository: 'team/other' }, { registryId: 2 }, { creator: 'somebody else' }]) {
    const stranger = { ...owner, ...other };
    expect(await codeOf(rig.uploads.find(id, stranger))).toBe('404 BLOB_UPLOAD_UNKNOWN');
    expect(await codeOf(rig.uploads.cancel(id, stranger))).toBe('404 BLOB_UPLOAD_UNKNOWN');
    expect(await codeOf(rig.uploads.hold(id, stranger, async () => {}))).toBe('404 BLOB_UPLOAD_UNKNOWN');
  }
  expect(await codeOf(rig.uploads.find("' OR 1=1 --", owner))).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect(await rig.offset(id)).toBe(0);
});

test('a chunk that does not begin where the session ends is refused, and nothing is lost', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('12345'));
  for (const start of [3, 6]) expect(await codeOf(rig.append(id, bodyOf('x'), start))).toBe('416 RANGE_INVALID');
  expect(await rig.offset(id)).toBe(5);
});

test('a fact that is refused ends a single request without a trace, and leaves a session to be tried again', async () => {
  await using rig = await openContentRig();
  const refuse = () => Promise.reject(new RegistryError('DENIED', { message: 'over quota' }));
  expect(await codeOf(rig.uploads.put(owner, bodyOf('abc'), digestOf('abc'), refuse))).toBe('403 DENIED');
  expect(await rig.left()).toEqual(nothing);
  const id = await rig.open();
  await rig.append(id, bodyOf('ab'));
  const denied = rig.uploads.hold(id, owner, (session) => session.close(bodyOf('c'), digestOf('abc'), refuse));
  expect(await codeOf(denied)).toBe('403 DENIED');
  expect(await rig.offset(id)).toBe(2);
  expect((await rig.close(id, bodyOf('c'), digestOf('abc'))).size).toBe(3);
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('a disk that is full is told as such, gives back what it can, and the session goes on', async () => {
  let full = false;
  const fail = () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
  await using rig = await openContentRig({
    fs: {
      ...nodeFileSystem,
      async create(path) {
        const file = await nodeFileSystem.create(path);
        return { ...file, write: (chunks, at) => (full ? fail() : file.write(chunks, at)) };
      },
      async open(path) {
        const file = await nodeFileSystem.open(path);
        return file && { ...file, write: (chunks, at) => (full && at > 0 ? fail() : file.write(chunks, at)) };
      },
    },
  });
  const bytes = randomBytes(3_000_000);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes.subarray(0, 1_000_000)));
  full = true;
  expect(await codeOf(rig.append(id, bodyOf(bytes.subarray(1_000_000))))).toBe('507 INSUFFICIENT_STORAGE');
  const more = digestOf(Buffer.concat([bytes.subarray(0, 1_000_000), Buffer.from('x')]));
  expect(await codeOf(rig.close(id, bodyOf('x'), more))).toBe('507 INSUFFICIENT_STORAGE');
  expect(await codeOf(rig.uploads.put(owner, bodyOf('x'), digestOf('x'), rig.link))).toBe('507 INSUFFICIENT_STORAGE');
  expect(await rig.left()).toEqual({ ...nothing, sessions: 1, staged: 1 });
  expect((await rig.store.staged(id))!.size).toBe(1_000_000);
  full = false;
  await rig.append(id, bodyOf(bytes.subarray(1_000_000)), 1_000_000);
  expect((await rig.close(id, undefined, digestOf(bytes))).size).toBe(3_000_000);
});

test('a failing disk is our fault, not the client’s', async () => {
  await using rig = await openContentRig({
    fs: {
      ...nodeFileSystem,
      async create(path) {
        const file = await nodeFileSystem.create(path);
        return { ...file, datasync: () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })) };
      },
    },
  });
  const id = await rig.open();
  await expect(rig.append(id, bodyOf('abc'))).rejects.toThrow('EIO');
  await expect(rig.close(id, bodyOf('abc'), digestOf('abc'))).rejects.toThrow('EIO');
  expect(await rig.offset(id)).toBe(0);
  expect(await findBlob(rig.db, digestOf('abc'))).toBeUndefined();
});
