import { expect, test } from 'bun:test';
import { utimes } from 'node:fs/promises';
import { RegistryError } from '../errors/index.ts';
import { digestOf } from '../oci/index.ts';
import { empty, stage } from './blob-store.contract.ts';
import { createLocalClaims } from './claims.ts';
import { bodyOf, codeOf, type ContentRig, nothing, openContentRig, owner } from './content-rig.double.ts';
import { findBlob, recordBlob } from './store.ts';
import { findUpload } from './upload-store.ts';
import { sweepDeleted } from './sweep.ts';

const crash = () => Promise.reject(new Error('crash'));
const hour = 3_600_000;

async function setActive({ db }: ContentRig, id: string, at: number): Promise<void> {
  await db.write((tx) => tx.updateTable('uploads').set({ active_at: at }).where('id', '=', id).execute());
}

/** All steps of a round. */
async function sweepAll(rig: ContentRig, before: number, limit?: number): Promise<number> {
  let uploads = 0;
  for (let more = true; more;) {
    const swept = await rig.uploads.sweep(before, limit);
    uploads += swept.uploads;
    more = swept.more;
  }
  return uploads;
}

test('lesson 52: the sweep goes by last activity, and finds what a crash left at every step', async () => {
  await using rig = await openContentRig();
  // Died between publish and the fact: in a single request, with a last body, and with what was staged before.
  await rig.uploads.put(owner, bodyOf('one'), digestOf('one'), crash).catch(() => {});
  const two = await rig.open();
  await rig.append(two, bodyOf('t'));
  await rig.uploads.hold(two, owner, (it) => it.close(bodyOf('wo'), digestOf('two'), crash)).catch(() => {});
  const three = await rig.open();
  await rig.append(three, bodyOf('three'));
  await rig.uploads.hold(three, owner, (it) => it.close(undefined, digestOf('three'), crash)).catch(() => {});
  // Died in the middle, before the first byte, and where the row did not survive the power cut.
  await rig.append(await rig.open(), bodyOf('half'));
  await rig.open();
  await stage(rig.store, 'f'.repeat(32), empty, Buffer.from('x'));
  expect(await rig.left()).toEqual({ sessions: 5, staged: 2, objects: 3, deleting: 0 });

  expect(await sweepAll(rig, Date.now() - hour)).toBe(0);
  expect(await sweepAll(rig, Date.now() + hour)).toBe(6);
  expect(await rig.left()).toEqual(nothing);
});

test('a session whose staging area changed since is alive, although its row is old', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('abc'));
  await setActive(rig, id, 1);
  expect(await sweepAll(rig, Date.now() - hour)).toBe(0);
  const old = new Date(Date.now() - 2 * hour);
  await utimes(rig.stagingOf(id), old, old);
  await setActive(rig, id, 1);
  expect(await sweepAll(rig, Date.now() - hour)).toBe(1);
  expect(await rig.left()).toEqual(nothing);
});

test('a session that proves to be alive is free again while others are still being ended', async () => {
  await using rig = await openContentRig();
  const ending = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const discard: typeof rig.store.discard = async (upload, inUse) => {
    ending.resolve();
    await goOn.promise;
    return rig.store.discard(upload, inUse);
  };
  const uploads = rig.openOver({ ...rig.store, discard });
  await setActive(rig, await rig.open(), 1);
  const alive = await rig.open();
  await rig.append(alive, bodyOf('abc'));
  await setActive(rig, alive, 1);
  const swept = uploads.sweep(Date.now() - hour);
  await ending.promise;
  const appended = codeOf(uploads.hold(alive, owner, (session) => session.append(bodyOf('def'), 3)));
  expect(await appended).toBe('done');
  goOn.resolve();
  expect((await swept).uploads).toBe(1);
});

test('sessions at work do not keep a small step from reaching the ones behind them', async () => {
  await using rig = await openContentRig();
  for (let at = 0; at < 10; at++) {
    const id = await rig.open();
    await rig.append(id, bodyOf('alive'));
    await setActive(rig, id, at);
  }
  const idle = await rig.open();
  await setActive(rig, idle, 100);
  expect(await sweepAll(rig, Date.now() - hour, 3)).toBe(1);
  expect(await findUpload(rig.db, idle)).toBeUndefined();
  expect((await rig.left()).sessions).toBe(10);
});

test('a step looks at no more than its limit, and a round at everything', async () => {
  await using rig = await openContentRig();
  for (let at = 0; at < 25; at++) {
    await stage(rig.store, at.toString(16).padStart(2, '0').repeat(16), empty, Buffer.from('x'));
  }
  const first = await rig.uploads.sweep(Date.now() + hour, 10);
  expect(first).toEqual({ uploads: 10, bytes: 10, more: true });
  expect(await sweepAll(rig, Date.now() + hour, 10)).toBe(15);
  expect(await rig.left()).toEqual(nothing);
});

test('the sweep keeps an object whose fact was committed although the answer was lost', async () => {
  await using rig = await openContentRig();
  const digest = digestOf('kept');
  const id = await rig.open();
  const row = (await findUpload(rig.db, id))!;
  await rig.close(id, bodyOf('kept'), digest);
  await rig.db.write((tx) =>
    tx
      .insertInto('uploads')
      .values({ ...row, closing: digest })
      .execute(),
  );
  expect(await sweepAll(rig, Date.now() + hour)).toBe(1);
  const blob = await findBlob(rig.db, digest);
  expect(await rig.store.size(blob!.key)).toBe(4);
});

test('a crash between publish and the fact: the session goes on where it was', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('hello'));
  // Once with the digest that the row knows, once with one that only the closing request named.
  await rig.uploads.hold(id, owner, (it) => it.close(undefined, digestOf('hello'), crash)).catch(() => {});
  expect(await rig.left()).toEqual({ ...nothing, sessions: 1, objects: 1 });
  expect(await rig.elsewhere().hold(id, owner, (it) => it.append(bodyOf(' wor'), 5))).toBe(9);
  const node = rig.elsewhere();
  await node.hold(id, owner, (it) => it.close(bodyOf('ld'), digestOf('hello world'), crash)).catch(() => {});
  expect(await rig.left()).toEqual({ ...nothing, sessions: 1, objects: 1 });
  // The client repeats its request, to a server that was just started.
  const last = rig.elsewhere();
  const closed = await last.hold(id, owner, (it) => it.close(bodyOf('ld'), digestOf('hello world'), rig.link));
  expect((await rig.bytes(closed.key)).toString()).toBe('hello world');
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('a crash between publish and the fact: a session that goes on elsewhere is hashed again from what came back', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('hello'));
  await rig.uploads.hold(id, owner, (it) => it.close(undefined, digestOf('hello'), crash)).catch(() => {});
  const node = rig.elsewhere();
  expect(await node.hold(id, owner, (it) => it.append(bodyOf(' world'), 5))).toBe(11);
  const closed = await node.hold(id, owner, (it) => it.close(undefined, digestOf('hello world'), rig.link));
  expect((await rig.bytes(closed.key)).toString()).toBe('hello world');
});

test('a crash between publish and the fact: the session can begin anew', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('hello'));
  await rig.uploads.hold(id, owner, (it) => it.close(undefined, digestOf('hello'), crash)).catch(() => {});
  expect(await rig.elsewhere().hold(id, owner, (it) => it.append(bodyOf('bye'), 0))).toBe(3);
  await rig.elsewhere().hold(id, owner, (it) => it.close(undefined, digestOf('bye'), rig.link));
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('lesson 49: objects are removed before their rows are forgotten, and a repeat is harmless', async () => {
  await using rig = await openContentRig();
  const put = () => rig.uploads.put(owner, bodyOf('abc'), digestOf('abc'), rig.link);
  const first = await put();
  await rig.db.write((tx) => tx.updateTable('blobs').set({ deleting: 1 }).execute());
  // A push meanwhile does not wait for the delete, and is not hit by it.
  const second = await put();
  expect(second.key).not.toBe(first.key);
  // Died after the bytes, before the rows.
  await rig.store.remove([first.key]);
  expect(await sweepDeleted(rig.db, rig.store)).toEqual({ blobs: 1, bytes: 3 });
  expect(await sweepDeleted(rig.db, rig.store)).toEqual({ blobs: 0, bytes: 0 });
  expect((await rig.bytes(second.key)).toString()).toBe('abc');
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('deletes come in steps', async () => {
  await using rig = await openContentRig();
  for (let at = 0; at < 7; at++) await rig.uploads.put(owner, bodyOf(`${at}`), digestOf(`${at}`), rig.link);
  await rig.db.write((tx) => tx.updateTable('blobs').set({ deleting: 1 }).execute());
  expect((await sweepDeleted(rig.db, rig.store, 5)).blobs).toBe(5);
  expect((await sweepDeleted(rig.db, rig.store, 5)).blobs).toBe(2);
  expect(await rig.left()).toEqual(nothing);
});

test('a blob recorded twice keeps the first object, and a deleted one does not count', async () => {
  await using rig = await openContentRig();
  const digest = digestOf('x');
  const record = (key: string) => rig.db.write((tx) => recordBlob(tx, { digest, size: 1, key, now: 0 }));
  expect(await record('a')).toBe('a');
  expect(await record('b')).toBe('a');
  expect(await record('a')).toBe('a');
  await rig.db.write((tx) => tx.updateTable('blobs').set({ deleting: 1 }).execute());
  expect(await record('c')).toBe('c');
});

test('bytes are removed only once it is durable that nobody needs them, and never after a sync that failed', async () => {
  await using rig = await openContentRig();
  const digest = digestOf('twice');
  for (let copy = 0; copy < 2; copy++) await rig.uploads.put(owner, bodyOf('twice'), digest, rig.link);
  const { promise: synced, resolve } = Promise.withResolvers<void>();
  const failing = { ...rig.db, settle: () => Promise.reject(new Error('the disk failed')) };
  await expect(sweepDeleted(failing, rig.store)).rejects.toThrow('the disk failed');
  const sweeping = sweepDeleted({ ...rig.db, settle: () => synced }, rig.store);
  for (let turn = 0; turn < 20; turn++) await Bun.sleep(1);
  expect(await rig.left()).toEqual({ ...nothing, objects: 2, deleting: 1 });
  resolve();
  expect((await sweeping).blobs).toBe(1);
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('an object that cannot be removed is told of, tried again, and keeps no other one', async () => {
  await using rig = await openContentRig();
  const keys: string[] = [];
  for (let at = 0; at < 3; at++) {
    keys.push((await rig.uploads.put(owner, bodyOf(`${at}`), digestOf(`${at}`), rig.link)).key);
  }
  await rig.db.write((tx) => tx.updateTable('blobs').set({ deleting: 1 }).execute());
  const stuck: typeof rig.store = {
    ...rig.store,
    remove: (all) => (all.includes(keys[1]!) ? Promise.reject(new Error('not permitted')) : rig.store.remove(all)),
  };
  await expect(sweepDeleted(rig.db, stuck)).rejects.toThrow('not permitted');
  expect(await rig.left()).toEqual({ ...nothing, objects: 1, deleting: 1 });
  expect((await sweepDeleted(rig.db, rig.store)).blobs).toBe(1);
  expect(await rig.left()).toEqual(nothing);
});

test('as many objects that cannot be removed as are looked at at once keep no other one', async () => {
  await using rig = await openContentRig();
  const keys: string[] = [];
  for (let at = 0; at < 7; at++) {
    keys.push((await rig.uploads.put(owner, bodyOf(`${at}`), digestOf(`${at}`), rig.link)).key);
  }
  await rig.db.write((tx) => tx.updateTable('blobs').set({ deleting: 1 }).execute());
  const held = new Set(keys.slice(0, 3));
  const stuck: typeof rig.store = {
    ...rig.store,
    remove: (all) => (all.some((key) => held.has(key)) ? Promise.reject(new Error('no')) : rig.store.remove(all)),
  };
  const step = () => sweepDeleted(rig.db, stuck, 2).catch(({ message }: Error) => message);
  for (let round = 0; round < 6; round++) await step();
  expect(await rig.left()).toEqual({ ...nothing, objects: 3, deleting: 3 });
  // They are looked at again and again, and go when that is possible.
  expect([await step(), await step(), await step()]).toContain('no');
  held.clear();
  for (let round = 0; round < 3; round++) await step();
  expect(await rig.left()).toEqual(nothing);
});

test('as many sessions that cannot be looked at or ended as are taken at once keep no other one', async () => {
  await using rig = await openContentRig();
  const ids: string[] = [];
  for (let at = 0; at < 6; at++) {
    ids.push(await rig.open());
    await rig.append(ids[at]!, bodyOf('half'));
    await setActive(rig, ids[at]!, at);
  }
  const refuse = () => Promise.reject(new Error('not permitted'));
  const held = new Set(ids.slice(0, 3));
  const stuck: typeof rig.store = {
    ...rig.store,
    staged: (id, mark) => (held.has(id) && id === ids[0] ? refuse() : rig.store.staged(id, mark)),
    discard: (id, inUse) => (held.has(id) ? refuse() : rig.store.discard(id, inUse)),
  };
  const uploads = rig.openOver(stuck);
  for (let round = 0; round < 4; round++) await uploads.sweep(Date.now() + hour + round, 2).catch(() => {});
  const left = new Set((await rig.db.all<{ id: string }>('SELECT id FROM uploads', [])).map(({ id }) => id));
  expect(ids.slice(3).filter((id) => left.has(id))).toEqual([]);
  held.clear();
  await sweepAll(rig, Date.now() + hour + 100);
  expect(await rig.left()).toEqual(nothing);
});

test('what was begun while a clock was ahead does not stay until then', async () => {
  await using rig = await openContentRig();
  const year = Date.now() + 365 * 24 * hour;
  const session = await rig.open();
  await rig.append(session, bodyOf('half'));
  await setActive(rig, session, year);
  const area = 'a'.repeat(32);
  await stage(rig.store, area, empty, Buffer.from('x'));
  const later = {
    ...rig.store,
    staged: async (id: string) => (await rig.store.staged(id)) && { size: 4, changedAt: year },
  };
  const uploads = rig.openOver({
    ...later,
    async *uploads() {
      for await (const found of rig.store.uploads()) yield { ...found, changedAt: year };
    },
  });
  // Its time begins when that is seen.
  for (let more = true; more;) ({ more } = await uploads.sweep(Date.now() - hour));
  expect(await rig.offset(session)).toBe(4);
  for (let more = true; more;) ({ more } = await uploads.sweep(Date.now() + hour));
  expect(await rig.left()).toEqual(nothing);
});

test('a session that cannot be ended is told of, tried again, and keeps no other one', async () => {
  await using rig = await openContentRig();
  const ids: string[] = [];
  for (let at = 0; at < 3; at++) {
    ids.push(await rig.open());
    await rig.append(ids[at]!, bodyOf('half'));
    await setActive(rig, ids[at]!, at);
  }
  const stuck: typeof rig.store = {
    ...rig.store,
    discard: (id, inUse) => (id === ids[0] ? Promise.reject(new Error('not permitted')) : rig.store.discard(id, inUse)),
  };
  const old = Date.now() + hour;
  await expect(rig.openOver(stuck).sweep(old)).rejects.toThrow('not permitted');
  expect(await rig.left()).toEqual({ ...nothing, staged: 1 });
  await sweepAll(rig, old);
  expect(await rig.left()).toEqual(nothing);
});

test('a staging area that cannot be removed is told of, tried again, and keeps no other one', async () => {
  await using rig = await openContentRig();
  const areas = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(32));
  for (const area of areas) await stage(rig.store, area, empty, Buffer.from('x'));
  // One session that is stuck as well, so that both parts of a step fail.
  const session = await rig.open();
  await rig.append(session, bodyOf('half'));
  await setActive(rig, session, 0);
  const held = new Set([session, areas[0], areas[2]]);
  const stuck: typeof rig.store = {
    ...rig.store,
    discard: (id, inUse) => (held.has(id) ? Promise.reject(new Error('not permitted')) : rig.store.discard(id, inUse)),
  };
  const old = Date.now() + hour;
  await expect(rig.openOver(stuck).sweep(old)).rejects.toThrow('not permitted');
  expect(await rig.left()).toEqual({ ...nothing, staged: 3 });
  await sweepAll(rig, old);
  expect(await rig.left()).toEqual(nothing);
});

test('a staging area that no session knows is left to whoever is writing to it', async () => {
  const claims = createLocalClaims();
  await using rig = await openContentRig({ options: { claims } });
  const upload = 'a'.repeat(32);
  await stage(rig.store, upload, empty, Buffer.from('x'));
  const release = await claims.claim(upload);
  expect(await sweepAll(rig, Date.now() + hour)).toBe(0);
  release!();
  expect(await sweepAll(rig, Date.now() + hour)).toBe(1);
});

test('a storage that is away is asked for two things alone, and one thing that is stuck keeps no other', async () => {
  await using rig = await openContentRig();
  const away = () => Promise.reject(new RegistryError('UNAVAILABLE'));
  for (let n = 0; n < 6; n++) {
    const blob = { digest: digestOf(`${n}`), size: 1, key: `${n}`, now: 0 };
    await rig.db.write((tx) => recordBlob(tx, blob));
    await rig.open();
    await stage(rig.store, `${n}`.repeat(32), empty, Buffer.from('x'));
  }
  await rig.db.write((tx) => tx.updateTable('blobs').set({ deleting: 1 }).execute());
  let asked: number[] = [];
  const discard = () => {
    asked.push(1);
    return away();
  };
  const remove = (keys: readonly string[]) => {
    asked.push(keys.length);
    return away();
  };
  expect(await codeOf(sweepDeleted(rig.db, { ...rig.store, remove }))).toBe('503 UNAVAILABLE');
  expect(asked).toEqual([6, 1, 1]);
  asked = [];
  const uploads = rig.openOver({ ...rig.store, discard });
  expect(await codeOf(uploads.sweep(Date.now() + hour))).toBe('503 UNAVAILABLE');
  // All sessions and two of them; then two areas that no session knows.
  expect(asked.length).toBeLessThanOrEqual(5);
  const stuck = {
    ...rig.store,
    remove: async (keys: readonly string[]) => (keys.includes('3') ? away() : rig.store.remove(keys)),
  };
  expect(await codeOf(sweepDeleted(rig.db, stuck))).toBe('503 UNAVAILABLE');
  expect(await rig.db.all('SELECT "key" FROM blobs', [])).toEqual([{ key: '3' }]);
});
