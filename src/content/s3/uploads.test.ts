import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { startS3Faults } from '../../../test/support/s3-faults.ts';
import { startS3 } from '../../../test/support/s3.ts';
import { openTestS3Store, testPartBytes as part } from '../../../test/support/storage.ts';
import { digestOf } from '../../oci/index.ts';
import { bodyOf, codeOf, openContentRig, owner } from '../content-rig.double.ts';
import { findBlob } from '../store.ts';

const crash = () => Promise.reject(new Error('crash'));
const hour = 3_600_000;
const openRig = () => openContentRig({ s3: true });
type Rig = Awaited<ReturnType<typeof openRig>>;

/** What is left in the bucket beside the blob of this key. */
async function leftBeside(rig: Rig, key: string): Promise<string[]> {
  for (let more = true; more;) ({ more } = await rig.uploads.sweep(Date.now() + hour));
  return (await rig.everything()).filter((name) => name !== `blobs/${key}` && name !== `blobs/${key.split('.')[0]}`);
}

/** Bodies of the given sizes, one after the other, each on another node; then a PUT without a body. */
async function pushAcross(sizes: readonly number[]): Promise<void> {
  await using rig = await openRig();
  const bytes = randomBytes(sizes.reduce((sum, size) => sum + size, 0));
  const id = await rig.open();
  let at = 0;
  for (const size of sizes) {
    const chunk = bytes.subarray(at, at + size);
    at += size;
    expect(await rig.elsewhere().hold(id, owner, (session) => session.append(bodyOf(chunk), undefined))).toBe(at);
  }
  const last = rig.elsewhere();
  const closed = await last.hold(id, owner, (session) => session.close(undefined, digestOf(bytes), rig.link));
  expect((await rig.bytes(closed.key)).equals(bytes)).toBe(true);
  expect(await leftBeside(rig, closed.key)).toEqual([]);
}

test('an upload goes on on another node with each of its chunks, wherever they end', async () => {
  await pushAcross([10, 20, 30]);
  await pushAcross([part]);
  await pushAcross([part - 1, 1, 1]);
  await pushAcross([part + 7, 3, part, 2 * part - 10, 12]);
  await pushAcross([3 * part + 17]);
  await pushAcross([2 * part, part]);
});

test('a large blob in one request, and one whose last bytes come with the PUT', async () => {
  await using rig = await openRig();
  const bytes = randomBytes(4 * part + 100);
  const whole = await rig.uploads.put(owner, bodyOf(bytes), digestOf(bytes), rig.link);
  expect((await rig.bytes(whole.key)).equals(bytes)).toBe(true);
  expect(await leftBeside(rig, whole.key)).toEqual([]);
  const other = bytes.subarray(50);
  const id = await rig.open();
  await rig.append(id, bodyOf(other.subarray(0, 2 * part + 5)));
  const rest = bodyOf(other.subarray(2 * part + 5));
  const closed = await rig.elsewhere().hold(id, owner, (session) => session.close(rest, digestOf(other), rig.link));
  expect((await rig.bytes(closed.key)).equals(other)).toBe(true);
});

test('a wrong digest on another node leaves what was acknowledged, and the right one is accepted', async () => {
  await using rig = await openRig();
  const bytes = randomBytes(3 * part + 9);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes.subarray(0, 2 * part + 3)));
  const close = (rest: Uint8Array) =>
    rig.elsewhere().hold(id, owner, (it) => it.close(bodyOf(rest), digestOf(bytes), rig.link));
  expect(await codeOf(close(randomBytes(part + 6)))).toBe('400 DIGEST_INVALID');
  expect(await rig.offset(id)).toBe(2 * part + 3);
  const closed = await close(bytes.subarray(2 * part + 3));
  expect((await rig.bytes(closed.key)).equals(bytes)).toBe(true);
  expect(await leftBeside(rig, closed.key)).toEqual([]);
});

test('a crash after the object was made, and before its fact: the PUT is repeated, or more is appended', async () => {
  await using rig = await openRig();
  const bytes = randomBytes(2 * part + 9);
  for (const more of [0, 5, part + 1]) {
    const id = await rig.open();
    await rig.append(id, bodyOf(bytes));
    await rig
      .elsewhere()
      .hold(id, owner, (it) => it.close(undefined, digestOf(bytes), crash))
      .catch(() => {});
    const all = Buffer.concat([bytes, randomBytes(more)]);
    const body = more === 0 ? undefined : bodyOf(all.subarray(bytes.length));
    const closed = await rig.elsewhere().hold(id, owner, (it) => it.close(body, digestOf(all), rig.link));
    expect((await rig.bytes(closed.key)).equals(all)).toBe(true);
    await rig.store.remove([closed.key]);
    expect(await leftBeside(rig, closed.key)).toEqual([]);
    await rig.db.write((tx) => tx.deleteFrom('blobs').execute());
  }
});

test('bytes that were stored and not acknowledged are cut off, also in the middle of a part', async () => {
  await using rig = await openRig();
  const bytes = randomBytes(3 * part);
  for (const offset of [2 * part + 1, 2 * part, part + 5, 7]) {
    const id = await rig.open();
    await rig.append(id, bodyOf(bytes.subarray(0, offset)));
    // A node that died between the bytes and their offset.
    const staging = (await rig.store.stage(id, offset, (await rig.uploads.find(id, owner)).mark))!;
    await staging.write(randomBytes(2 * part + 3));
    await staging.sync();
    await staging.close();
    const rest = bodyOf(bytes.subarray(offset));
    const closed = await rig.elsewhere().hold(id, owner, (it) => it.close(rest, digestOf(bytes), rig.link));
    expect((await rig.bytes(closed.key)).equals(bytes)).toBe(true);
  }
});

test('a node that comes back to an upload which others went on with finds other bytes, and leaves them', async () => {
  await using rig = await openRig();
  const bytes = randomBytes(2 * part + 9);
  for (const [first, late] of [
    [9, 5],
    [9, part + 5],
    [part + 9, part],
  ] as const) {
    const id = await rig.open();
    await rig.append(id, bodyOf(bytes.subarray(0, first)));
    const { mark } = await rig.uploads.find(id, owner);
    const [writing, publishing] = [
      (await rig.store.stage(id, first, mark))!,
      (await rig.store.stage(id, first, mark))!,
    ];
    await rig.elsewhere().hold(id, owner, (it) => it.append(bodyOf(bytes.subarray(first)), undefined));
    // After the answer.
    for (const until = Date.now() + 45_000; Date.now() < until; await Bun.sleep(5))
      if (!(await rig.everything()).includes(`uploads/${id}.${mark}`)) break;
    await writing.write(randomBytes(late));
    expect(await codeOf(writing.sync())).toBe('409 BLOB_UPLOAD_INVALID');
    await writing.close();
    if (first < part)
      expect(await codeOf(publishing.publish(digestOf(bytes.subarray(0, first))))).toBe('409 BLOB_UPLOAD_INVALID');
    await publishing.close();
    const { key } = await rig.close(id, undefined, digestOf(bytes));
    expect((await rig.bytes(key)).equals(bytes)).toBe(true);
    await rig.db.write((tx) => tx.deleteFrom('blobs').execute());
    await rig.store.remove([key]);
    expect(await leftBeside(rig, key)).toEqual([]);
  }
});

test('a part that was replaced by a node which lost the upload gets into no blob', async () => {
  await using rig = await openRig();
  const bytes = randomBytes(3 * part);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes.subarray(0, part)));
  const stale = (await rig.store.stage(id, part, (await rig.uploads.find(id, owner)).mark))!;
  await rig.elsewhere().hold(id, owner, (it) => it.append(bodyOf(bytes.subarray(part, 2 * part + 1)), undefined));
  await stale.write(randomBytes(part));
  // Sent, though nothing says so.
  await Bun.sleep(1000);
  await stale.close();
  await rig.append(id, bodyOf(bytes.subarray(2 * part + 1)));
  expect(await codeOf(rig.close(id, undefined, digestOf(bytes)))).toBe('400 DIGEST_INVALID');
  await expectNone(rig, digestOf(bytes));
});

test('whatever a crash leaves of uploads of many parts is swept', async () => {
  await using rig = await openRig();
  const bytes = randomBytes(2 * part + 1);
  await rig.uploads.put(owner, bodyOf(bytes), digestOf(bytes), crash).catch(() => {});
  const closing = await rig.open();
  await rig.append(closing, bodyOf(bytes));
  await rig.uploads.hold(closing, owner, (it) => it.close(undefined, digestOf(bytes), crash)).catch(() => {});
  await rig.append(await rig.open(), bodyOf(bytes));
  // Died before anybody was told: only the parts are there.
  const dying = (await rig.store.stage('f'.repeat(32), 0))!;
  await dying.write(new Uint8Array(bytes));
  await dying.write(randomBytes(part));
  await Bun.sleep(300);
  await dying.close();
  expect((await rig.everything()).length).toBeGreaterThan(4);
  for (let more = true; more;) ({ more } = await rig.uploads.sweep(Date.now() + hour));
  expect(await rig.everything()).toEqual([]);
});

/** A node that lost the upload has made an object of its parts, with other bytes from `from` on. */
async function madeByAnother(rig: Rig, bytes: Buffer, from: number, others: Buffer): Promise<string> {
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes.subarray(0, from)));
  const stale = (await rig.store.stage(id, from, (await rig.uploads.find(id, owner)).mark))!;
  await rig.append(id, bodyOf(bytes.subarray(from)));
  await stale.write(new Uint8Array(others));
  await stale.publish(digestOf(Buffer.concat([bytes.subarray(0, from), others])));
  await stale.close();
  return id;
}

async function expectNone(rig: Rig, digest: ReturnType<typeof digestOf>): Promise<void> {
  expect(await findBlob(rig.db, digest)).toBeUndefined();
  expect((await Array.fromAsync(rig.store.objects())).map((object) => object.digest)).not.toContain(digest);
}

test('an object that a node made which had lost the upload is not taken for ours, though it is as long', async () => {
  await using rig = await openRig();
  const bytes = randomBytes(2 * part + 9);
  const id = await madeByAnother(rig, bytes, 2 * part, randomBytes(9));
  // The digest of what was acknowledged is known, so nothing needs to be hashed.
  expect(await codeOf(rig.close(id, undefined, digestOf(bytes)))).toBe('400 DIGEST_INVALID');
  await expectNone(rig, digestOf(bytes));
});

test('what is copied from an object that another node may have made is hashed, whatever is appended to it', async () => {
  for (const more of [[9], [9, part], [9, part, 3]]) {
    await using rig = await openRig();
    const bytes = randomBytes(3 * part + 9 + more.reduce((sum, size) => sum + size));
    const acknowledged = 3 * part + 9;
    // One part is another.
    const id = await madeByAnother(rig, bytes.subarray(0, acknowledged), 2 * part, randomBytes(part));
    let at = acknowledged;
    for (const size of more.slice(0, -1)) {
      await rig.append(id, bodyOf(bytes.subarray(at, at + size)));
      at += size;
    }
    // The hash of what was acknowledged is still known here, so that nothing else needs to be read again.
    expect(await codeOf(rig.close(id, bodyOf(bytes.subarray(at)), digestOf(bytes)))).toBe('400 DIGEST_INVALID');
    await expectNone(rig, digestOf(bytes));
  }
});

test('the tail is loaded where the provider copies no parts', async () => {
  for (const fault of ['not-implemented', 'ignore-copy'] as const) {
    await using rig = await openRig();
    await using proxy = await startS3Faults((await startS3()).endpoint, ({ operation }) =>
      operation === 'UploadPartCopy' ? fault : undefined,
    );
    await using through = await openTestS3Store({ bucket: rig.bucket, endpoint: proxy.endpoint });
    const node = rig.openOver(through.store);
    const bytes = randomBytes(part + 9);
    const id = await rig.open();
    await node.hold(id, owner, (it) => it.append(bodyOf(bytes), undefined));
    const closed = await node.hold(id, owner, (it) => it.close(undefined, digestOf(bytes), rig.link));
    expect((await rig.bytes(closed.key)).equals(bytes)).toBe(true);
    expect(proxy.requests.map(({ operation }) => operation)).toContain('UploadPartCopy');
    expect(await leftBeside(rig, closed.key)).toEqual([]);
  }
});
