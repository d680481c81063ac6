import { expect, test } from 'bun:test';
import { rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { type Digest, digestOf } from '../oci/index.ts';
import { empty, publish, stage } from './blob-store.contract.ts';
import { checkContent, type CheckOptions } from './check.ts';
import { bodyOf, type ContentRig, nothing, openContentRig, owner } from './content-rig.double.ts';
import { findBlob } from './store.ts';
import { findUpload } from './upload-store.ts';
import { sweepDeleted } from './sweep.ts';

const put = (rig: ContentRig, text: string) => rig.uploads.put(owner, bodyOf(text), digestOf(text), rig.link);
const crash = () => Promise.reject(new Error('crash'));

async function check(rig: ContentRig, options: Partial<CheckOptions> = {}): Promise<string[]> {
  const findings = checkContent(rig.db, rig.store, { repair: false, verify: false, graceMs: -1000, ...options });
  const found: string[] = [];
  for await (const { code, message, repaired } of findings) {
    expect(message).toMatch(/^[a-z].*[^.]$/);
    found.push(repaired ? `${code} (repaired)` : code);
  }
  return found.toSorted();
}

/** What is found, that looking mends nothing, that repairing does, and that nothing is found afterwards. */
async function expectMended(rig: ContentRig, code: string, options: Partial<CheckOptions> = {}): Promise<void> {
  expect(await check(rig, options)).toEqual([code]);
  expect(await check(rig, options)).toEqual([code]);
  expect(await check(rig, { ...options, repair: true })).toEqual([`${code} (repaired)`]);
  await sweepDeleted(rig.db, rig.store);
  expect(await check(rig, options)).toEqual([]);
}

test('what agrees is no finding', async () => {
  await using rig = await openContentRig();
  await put(rig, '');
  for (const text of ['one', 'two']) await put(rig, text);
  await rig.append(await rig.open(), bodyOf('half'));
  await rig.open();
  for (const repair of [false, true]) expect(await check(rig, { repair, verify: true, rebuild: true })).toEqual([]);
  expect(await rig.left()).toEqual({ sessions: 2, staged: 1, objects: 3, deleting: 0 });
});

test('a blob whose object is missing is found; once repaired, a push of the same content is whole again', async () => {
  await using rig = await openContentRig();
  const { key } = await put(rig, 'lost');
  await put(rig, 'kept');
  await rm(rig.fileOf(key));
  await expectMended(rig, 'blob-missing');
  expect(await findBlob(rig.db, digestOf('lost'))).toBeUndefined();
  const again = await put(rig, 'lost');
  expect((await rig.bytes(again.key)).toString()).toBe('lost');
  expect(await rig.left()).toEqual({ ...nothing, objects: 2 });
});

test('a blob whose object is too short or too long is found', async () => {
  await using rig = await openContentRig();
  await truncate(rig.fileOf((await put(rig, 'short')).key), 3);
  await expectMended(rig, 'blob-size');
  await writeFile(rig.fileOf((await put(rig, 'long')).key), 'longer than it was');
  await expectMended(rig, 'blob-size');
});

test('a blob whose bytes changed is found where every byte is read', async () => {
  await using rig = await openContentRig();
  const { key } = await put(rig, 'right');
  await writeFile(rig.fileOf(key), 'wrong');
  expect(await check(rig)).toEqual([]);
  await expectMended(rig, 'blob-digest', { verify: true });
});

test('an object that no fact names is found and removed', async () => {
  await using rig = await openContentRig();
  await put(rig, 'kept');
  await publish(rig.store, Buffer.from('orphan'));
  await expectMended(rig, 'object-unknown');
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('an object that no fact names is adopted when facts are rebuilt, if it is whole and new', async () => {
  await using rig = await openContentRig();
  const { key } = await put(rig, 'whole');
  await put(rig, 'known');
  await publish(rig.store, Buffer.from('known'));
  await writeFile(rig.fileOf(await publish(rig.store, Buffer.from('torn'))), 'to');
  await rig.db.write((tx) => tx.deleteFrom('blobs').where('key', '=', key).execute());
  expect(await check(rig, { rebuild: true })).toEqual(['object-unknown', 'object-unknown', 'object-unknown']);
  expect(await check(rig, { rebuild: true, repair: true })).toEqual([
    'object-adopted (repaired)',
    'object-unknown (repaired)',
    'object-unknown (repaired)',
  ]);
  expect(await findBlob(rig.db, digestOf('whole'))).toEqual({ key, size: 5 });
  expect(await check(rig, { verify: true })).toEqual([]);
});

test('a delete in its second phase is the server’s to finish; a repair does it at once', async () => {
  await using rig = await openContentRig();
  await put(rig, 'old');
  await rig.db.write((tx) => tx.updateTable('blobs').set({ deleting: 1 }).execute());
  expect(await check(rig)).toEqual([]);
  expect(await check(rig, { repair: true })).toEqual(['blob-deleting (repaired)']);
  expect(await rig.left()).toEqual(nothing);
});

test('a session that has fewer bytes than it acknowledged is found, and goes on from those', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('hello world'));
  await truncate(rig.stagingOf(id), 5);
  await expectMended(rig, 'upload-short');
  expect(await findUpload(rig.db, id)).toMatchObject({ offset: 5, digest: null });
  const node = rig.elsewhere();
  const digest = digestOf('hello there');
  const closed = await node.hold(id, owner, (session) => session.close(bodyOf(' there'), digest, rig.link));
  expect((await rig.bytes(closed.key)).toString()).toBe('hello there');
});

test('a session whose staging area is missing is found, and begins anew', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('hello'));
  await rig.store.discard(id, async () => new Set());
  await expectMended(rig, 'upload-short');
  expect(await rig.elsewhere().hold(id, owner, (session) => session.append(bodyOf('again'), 0))).toBe(5);
});

test('a session that was published and not recorded is whole', async () => {
  await using rig = await openContentRig();
  const known = await rig.open();
  await rig.append(known, bodyOf('known'));
  await rig.uploads.hold(known, owner, (it) => it.close(undefined, digestOf('known'), crash)).catch(() => {});
  const noted = await rig.open();
  await rig.append(noted, bodyOf('no'));
  await rig.uploads.hold(noted, owner, (it) => it.close(bodyOf('ted'), digestOf('noted'), crash)).catch(() => {});
  await rig.uploads.put(owner, bodyOf('alone'), digestOf('alone'), crash).catch(() => {});
  expect(await rig.left()).toEqual({ sessions: 3, staged: 0, objects: 3, deleting: 0 });
  expect(await check(rig, { repair: true, rebuild: true })).toEqual([]);
});

test('staged bytes without a session are found, unless they are so young that a request may be at work', async () => {
  await using rig = await openContentRig();
  const upload = 'ab'.repeat(16);
  await stage(rig.store, upload, empty, Buffer.from('x'));
  expect(await check(rig, { graceMs: 60_000 })).toEqual([]);
  const old = new Date(Date.now() - 120_000);
  await utimes(rig.stagingOf(upload), old, old);
  expect(await check(rig, { graceMs: 60_000 })).toEqual(['staging-unknown']);
  await expectMended(rig, 'staging-unknown');
  expect(await rig.left()).toEqual(nothing);
});

test('more than a page of everything', async () => {
  await using rig = await openContentRig();
  const digests: Digest[] = [];
  await rig.db.write(async (tx) => {
    for (let at = 0; at < 1203; at++) {
      const digest = digestOf(`${at}`);
      digests.push(digest);
      await tx
        .insertInto('blobs')
        .values({ digest, size: 1, key: `missing-${at}`, created_at: 0 })
        .execute();
    }
  });
  for (let at = 0; at < 520; at += 40) {
    await Promise.all(Array.from({ length: 40 }, (_, more) => publish(rig.store, Buffer.from(`orphan ${at + more}`))));
  }
  const found = await check(rig, { repair: true });
  expect(found.filter((code) => code === 'blob-missing (repaired)')).toHaveLength(1203);
  expect(found.filter((code) => code === 'object-unknown (repaired)')).toHaveLength(520);
});

test('looking while others push, delete and upload reports nothing', async () => {
  await using rig = await openContentRig();
  let pushing = true;
  const work = (async () => {
    for (let at = 0; pushing; at++) {
      const text = `${at % 7}`;
      await Promise.all([
        put(rig, text),
        put(rig, `${text} again`),
        rig.open().then((id) => rig.append(id, bodyOf(text))),
      ]);
      await rig.db.write((tx) => tx.updateTable('blobs').set({ deleting: 1 }).where('size', '=', 1).execute());
      await sweepDeleted(rig.db, rig.store);
    }
  })();
  for (let at = 0; at < 20; at++) expect(await check(rig, { verify: false, graceMs: 60_000 })).toEqual([]);
  pushing = false;
  await work;
});
