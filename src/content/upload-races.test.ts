import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { digestOf } from '../oci/index.ts';
import { createLocalClaims } from './claims.ts';
import { bodyOf, codeOf, nothing, openBody, openContentRig, owner } from './content-rig.double.ts';
import { findBlob } from './store.ts';
import { sweepDeleted } from './sweep.ts';

/** Enough that the request is well inside the body. */
const underWay = () => Bun.sleep(20);

test('lesson 10: the same content from many at once is one blob, and every other copy goes', async () => {
  await using rig = await openContentRig();
  const bytes = randomBytes(50_000);
  const digest = digestOf(bytes);
  const pushes = Array.from({ length: 30 }, async (_, at) => {
    if (at % 3 === 0) return rig.uploads.put(owner, bodyOf(bytes), digest, rig.link);
    const id = await rig.open();
    if (at % 3 === 1) return rig.close(id, bodyOf(bytes), digest);
    await rig.append(id, bodyOf(bytes));
    return rig.close(id, undefined, digest);
  });
  const keys = new Set((await Promise.all(pushes)).map(({ key }) => key));
  expect(keys.size).toBe(1);
  expect(await rig.bytes([...keys][0]!)).toEqual(bytes);
  // The copies wait for the sweep, recorded, so that a crash loses track of none.
  expect(await rig.left()).toEqual({ ...nothing, objects: 30, deleting: 29 });
  expect((await sweepDeleted(rig.db, rig.store)).blobs).toBe(29);
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
  expect((await findBlob(rig.db, digest))?.key).toBe([...keys][0]);
});

test('a second writer of a session is refused while the first one writes', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  const { body, end } = openBody('first');
  const first = rig.append(id, body);
  await underWay();
  expect(await codeOf(rig.append(id, bodyOf('second')))).toBe('409 BLOB_UPLOAD_INVALID');
  expect(await codeOf(rig.close(id, bodyOf('second'), digestOf('second')))).toBe('409 BLOB_UPLOAD_INVALID');
  expect(rig.uploads.busy()).toBe(1);
  end();
  expect(await first).toBe(5);
  expect(rig.uploads.busy()).toBe(0);
});

test('processes that share their claims refuse each other’s writers, too', async () => {
  const claims = createLocalClaims();
  await using rig = await openContentRig({ options: { claims } });
  const neighbour = rig.elsewhere({ claims });
  const id = await rig.open();
  const { body, end } = openBody('first');
  const first = rig.append(id, body);
  await underWay();
  const second = neighbour.hold(id, owner, (session) => session.append(bodyOf('x'), undefined));
  expect(await codeOf(second)).toBe('409 BLOB_UPLOAD_INVALID');
  end();
  expect(await first).toBe(5);
});

test('chunks that land on this process and on another are one blob, also when the other began anew', async () => {
  let now = 1000;
  const claims = createLocalClaims();
  await using rig = await openContentRig({ options: { claims, now: () => now } });
  const neighbour = rig.elsewhere({ claims, now: () => now });
  const elsewhere = (id: string, text: string, start?: number) =>
    neighbour.hold(id, owner, (session) => session.append(bodyOf(text), start));
  const id = await rig.open();
  await rig.append(id, bodyOf('one '));
  await elsewhere(id, 'two ');
  expect(await rig.append(id, bodyOf('three '))).toBe(14);
  // Of the same length, within the same millisecond: the hash that this process keeps is of other bytes.
  await rig.append(id, bodyOf('old '), 0);
  await elsewhere(id, 'new ', 0);
  await rig.append(id, bodyOf('end'));
  expect(await codeOf(rig.close(id, undefined, digestOf('old end')))).toBe('400 DIGEST_INVALID');
  now += 1;
  const { key } = await rig.close(id, undefined, digestOf('new end'));
  expect((await rig.bytes(key)).toString()).toBe('new end');
});

test('a writer goes on from what the one before it left, however close they follow', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  // A client that does not wait asks again until it is let in.
  const insist = async (text: string): Promise<number> => {
    for (;;) {
      try {
        return await rig.append(id, bodyOf(text));
      } catch {
        await Bun.sleep(0);
      }
    }
  };
  const offsets = await Promise.all(Array.from({ length: 20 }, () => insist('0123456789')));
  expect(offsets.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => (at + 1) * 10));
  expect((await rig.close(id, undefined, digestOf('0123456789'.repeat(20)))).size).toBe(200);
});

test('a session is closed once', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('abc'));
  const closed = await Promise.allSettled([1, 2, 3].map(() => rig.close(id, undefined, digestOf('abc'))));
  expect(closed.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await codeOf(rig.close(id, undefined, digestOf('abc')))).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('cancelling ends the request that is writing, and leaves nothing', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  const { body, cancelled } = openBody('first');
  const writing = codeOf(rig.append(id, body));
  await underWay();
  await rig.uploads.cancel(id, owner);
  expect(await writing).toBe('404 BLOB_UPLOAD_UNKNOWN');
  await cancelled;
  expect(await rig.left()).toEqual(nothing);
  expect(await codeOf(rig.uploads.cancel(id, owner))).toBe('404 BLOB_UPLOAD_UNKNOWN');
});

test('cancelling at the moment at which a request begins ends that, too', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  const { body, cancelled } = openBody('first');
  const writing = codeOf(rig.append(id, body));
  await rig.uploads.cancel(id, owner);
  await cancelled;
  expect(await writing).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect(await rig.left()).toEqual(nothing);
});

test('what is being closed can no longer be cancelled', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  const { promise: linking, resolve: reached } = Promise.withResolvers<void>();
  const closing = rig.uploads.hold(id, owner, (session) =>
    session.close(bodyOf('abc'), digestOf('abc'), (tx, blob) => {
      reached();
      return rig.link(tx, blob);
    }),
  );
  await linking;
  expect(await codeOf(rig.uploads.cancel(id, owner))).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect((await closing).size).toBe(3);
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('a session that another process ended meanwhile is not brought back by its writer', async () => {
  await using rig = await openContentRig();
  const remove = (id: string) => rig.db.write((tx) => tx.deleteFrom('uploads').where('id', '=', id).execute());
  const appended = await rig.open();
  const first = openBody('abc');
  const appending = codeOf(rig.append(appended, first.body));
  await underWay();
  await remove(appended);
  first.end();
  expect(await appending).toBe('404 BLOB_UPLOAD_UNKNOWN');

  const closed = await rig.open();
  const second = openBody('abc');
  const closing = codeOf(rig.close(closed, second.body, digestOf('abc')));
  await underWay();
  await remove(closed);
  await rig.store.discard(closed, async () => new Set());
  second.end();
  expect(await closing).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect(await findBlob(rig.db, digestOf('abc'))).toBeUndefined();
  expect((await rig.left()).sessions).toBe(0);
});

test('a session that another process ended after the bytes were published makes no blob', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  const overtaken = rig.openOver({
    ...rig.store,
    async stage(upload, ...at) {
      const staging = (await rig.store.stage(upload, ...at))!;
      return {
        ...staging,
        async publish(digest) {
          const key = await staging.publish(digest);
          await rig.db.write((tx) => tx.deleteFrom('uploads').execute());
          return key;
        },
      };
    },
  });
  const closing = overtaken.hold(id, owner, (session) => session.close(bodyOf('abc'), digestOf('abc'), rig.link));
  expect(await codeOf(closing)).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect(await findBlob(rig.db, digestOf('abc'))).toBeUndefined();
});

test('where claims fail, a session that somebody else moved on is not moved back', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  const { body, end } = openBody('abc');
  const appending = codeOf(rig.append(id, body));
  await underWay();
  await rig.db.write((tx) => tx.updateTable('uploads').set({ offset: 7 }).where('id', '=', id).execute());
  end();
  expect(await appending).toBe('409 BLOB_UPLOAD_INVALID');
  expect(await rig.offset(id)).toBe(7);
});

test('the sweep leaves a session alone that is at work, however long its row was silent', async () => {
  const claims = createLocalClaims();
  await using rig = await openContentRig({ options: { claims } });
  const later = Date.now() + 3_600_000;
  const id = await rig.open();
  const { body, end } = openBody('abc');
  const closing = rig.close(id, body, digestOf('abc'));
  await underWay();
  expect((await rig.uploads.sweep(later)).uploads).toBe(0);
  expect((await rig.elsewhere({ claims }).sweep(later)).uploads).toBe(0);
  end();
  expect((await closing).size).toBe(3);
  expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
});

test('sweeps and writers at the same time: whatever was acknowledged is there', async () => {
  await using rig = await openContentRig();
  let sweeping = true;
  const sweeps = (async () => {
    while (sweeping) {
      await rig.uploads.sweep(Date.now() + 1000);
      await Bun.sleep(1);
    }
  })();
  const pushed = await Promise.all(
    Array.from({ length: 40 }, async (_, at) => {
      const bytes = randomBytes(1000 + at);
      const id = await rig.open();
      try {
        await rig.append(id, bodyOf(bytes));
        return { bytes, ...(await rig.close(id, undefined, digestOf(bytes))) };
      } catch (error) {
        // It was swept, or is about to be.
        expect(['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID']).toContain((error as { code: string }).code);
        return undefined;
      }
    }),
  );
  sweeping = false;
  await sweeps;
  for (const blob of pushed) if (blob) expect(await rig.bytes(blob.key)).toEqual(blob.bytes);
  await rig.uploads.sweep(Date.now() + 1000);
  for (let more = true; more;) ({ more } = await rig.uploads.sweep(Date.now() + 1000));
  expect(await rig.left()).toEqual({ ...nothing, objects: pushed.filter(Boolean).length });
});

test('a session that is cancelled from elsewhere while its blob is published leaves no object', async () => {
  await using rig = await openContentRig();
  const id = await rig.open();
  await rig.append(id, bodyOf('he'));
  const publishing: typeof rig.store = {
    ...rig.store,
    async stage(upload, ...at) {
      const staging = await rig.store.stage(upload, ...at);
      return (
        staging && {
          ...staging,
          async publish(digest) {
            const key = await staging.publish(digest);
            await rig.db.write((tx) => tx.deleteFrom('uploads').execute());
            return key;
          },
        }
      );
    },
  };
  const closing = rig
    .openOver(publishing)
    .hold(id, owner, (session) => session.close(bodyOf('llo'), digestOf('hello'), rig.link));
  expect(await codeOf(closing)).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect(await rig.left()).toEqual(nothing);
});
