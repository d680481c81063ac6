import { describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { testDialect } from '../../test/support/database.ts';
import { storesInS3, testPartBytes } from '../../test/support/storage.ts';
import type { Database } from '../database/index.ts';
import { joinNodes, type Node } from '../jobs/index.ts';
import { digestOf } from '../oci/index.ts';
import { bodyOf, codeOf, type ContentRig, nothing, openBody, openContentRig, owner } from './content-rig.double.ts';
import { findBlob } from './store.ts';
import type { Uploads } from './uploads.ts';

// On SQLite there are no nodes.
if (testDialect() === 'postgres') describe('uploads among nodes', suite);

function suite(): void {
  async function until(condition: () => Promise<boolean>): Promise<void> {
    for (const end = performance.now() + 45_000; !(await condition());) {
      if (performance.now() > end) throw new Error('it did not happen within 45 s');
      await Bun.sleep(5);
    }
  }

  /** The requests of so many sessions are well inside their bodies. */
  const underWay = async (rig: ContentRig, { node }: Member, sessions = 1) => {
    const held = 'SELECT count(*) AS n FROM uploads WHERE holder = ?';
    await until(async () => (await rig.db.first<{ n: number }>(held, [node.id()]))!.n === sessions);
    // Of a body that has not ended, S3 has nothing yet.
    if (rig.bucket) await Bun.sleep(100);
    else await until(async () => (await Array.fromAsync(rig.store.uploads())).length > 0);
  };
  const heartbeatMs = 100;

  interface Member extends AsyncDisposable {
    node: Node;
    uploads: Uploads;
    append(id: string, body: ReturnType<typeof bodyOf> | undefined, start?: number): Promise<number>;
    close(id: string, body: ReturnType<typeof bodyOf> | undefined, text: string): Promise<{ key: string }>;
    /** Its heartbeats come no more, as of a process that stands still; what it has in hand it goes on with. */
    stun(): Promise<void>;
  }

  async function join(rig: ContentRig): Promise<Member> {
    let stunned = false;
    let last: Promise<unknown> = Promise.resolve();
    const heart: Database = {
      ...rig.db,
      change<T>(...args: Parameters<Database['change']>): Promise<T[]> {
        if (stunned) return new Promise(() => {});
        const changed = rig.db.change<T>(...args);
        last = changed.catch(() => {});
        return changed;
      },
    };
    const node = await joinNodes(heart, { name: 'test', failed() {}, heartbeatMs });
    const uploads = rig.elsewhere({ node });
    return {
      node,
      uploads,
      append: (id, body, start) => uploads.hold(id, owner, (session) => session.append(body, start)),
      close: (id, body, text) => uploads.hold(id, owner, (session) => session.close(body, digestOf(text), rig.link)),
      async stun() {
        stunned = true;
        await last;
      },
      [Symbol.asyncDispose]: async () => void (stunned || (await node[Symbol.asyncDispose]())),
    };
  }

  /** As if a node had been silent for that long. */
  const silence = (rig: ContentRig, { node }: Member, ms: number) =>
    rig.db.change('UPDATE nodes SET seen_at = seen_at - ? WHERE id = ? RETURNING id', [ms, node.id()]);

  const holderOf = async (rig: ContentRig, id: string) =>
    (await rig.db.first<{ holder: number | null }>('SELECT holder FROM uploads WHERE id = ?', [id]))?.holder;

  test('an upload that was begun on one goes on and commits on others, in either algorithm', async () => {
    await using rig = await openContentRig();
    await using a = await join(rig);
    await using b = await join(rig);
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const bytes = randomBytes(300_000);
      const id = await a.uploads.open(owner, algorithm);
      await a.append(id, bodyOf(bytes.subarray(0, 100_000)));
      await b.append(id, bodyOf(bytes.subarray(100_000, 200_000)));
      await a.append(id, bodyOf(bytes.subarray(200_000)));
      const digest = digestOf(bytes, algorithm);
      const { key } = await b.uploads.hold(id, owner, (session) => session.close(undefined, digest, rig.link));
      expect(await rig.bytes(key)).toEqual(bytes);
    }
    expect(await rig.left()).toEqual({ ...nothing, objects: 2 });
  });

  test('a session has one writer among all nodes, and is free when that one has answered', async () => {
    await using rig = await openContentRig();
    await using a = await join(rig);
    await using b = await join(rig);
    const id = await a.uploads.open(owner, 'sha256');
    const { body, end } = openBody('first');
    const first = a.append(id, body);
    await underWay(rig, a);
    expect(await holderOf(rig, id)).toBe(a.node.id());
    const asked = performance.now();
    expect(await codeOf(b.append(id, bodyOf('second')))).toBe('409 BLOB_UPLOAD_INVALID');
    expect(performance.now() - asked).toBeLessThan(4000);
    expect(await codeOf(b.close(id, bodyOf('second'), 'second'))).toBe('409 BLOB_UPLOAD_INVALID');
    end();
    expect(await first).toBe(5);
    expect(await holderOf(rig, id)).toBe(null);
    // Refused requests leave it free, too.
    expect(await codeOf(b.append(id, bodyOf('x'), 3))).toBe('416 RANGE_INVALID');
    expect(await codeOf(b.close(id, undefined, 'wrong'))).toBe('400 DIGEST_INVALID');
    expect(await holderOf(rig, id)).toBe(null);
    expect(await a.append(id, bodyOf('!'))).toBe(6);
  });

  test('whoever meets a node that fell silent a moment ago waits until the session is anybody’s', async () => {
    await using rig = await openContentRig();
    await using a = await join(rig);
    await using b = await join(rig);
    const id = await a.uploads.open(owner, 'sha256');
    await a.append(id, bodyOf('kept'));
    const { body } = openBody('lost');
    void a.append(id, body).catch(() => {});
    await underWay(rig, a);
    await a.stun();
    await silence(rig, a, 3500);
    expect(await b.append(id, bodyOf('!'))).toBe(5);
    const { key } = await b.close(id, undefined, 'kept!');
    expect((await rig.bytes(key)).toString()).toBe('kept!');
  });

  test('a node that leaves in an orderly way leaves its sessions to the others at once', async () => {
    await using rig = await openContentRig();
    const a = await join(rig);
    await using b = await join(rig);
    const id = await a.uploads.open(owner, 'sha256');
    const { body } = openBody('lost');
    void a.append(id, body).catch(() => {});
    await underWay(rig, a);
    await a.node[Symbol.asyncDispose]();
    const asked = performance.now();
    expect(await b.append(id, bodyOf('!'))).toBe(1);
    expect(performance.now() - asked).toBeLessThan(2000);
  });

  test('what a node writes that comes back too late is refused', async () => {
    await using rig = await openContentRig();
    await using b = await join(rig);
    for (const late of ['a chunk', 'the end'] as const) {
      await using a = await join(rig);
      const id = await a.uploads.open(owner, 'sha256');
      await a.append(id, bodyOf('ab'));
      const { body, end } = openBody('c');
      const writing = codeOf(late === 'a chunk' ? a.append(id, body) : a.close(id, body, 'abc'));
      await underWay(rig, a);
      await a.stun();
      await silence(rig, a, 6000);
      const { body: other, end: endOther } = openBody();
      const takingOver = b.append(id, other);
      await underWay(rig, b);
      expect(await holderOf(rig, id)).toBe(b.node.id());
      end();
      expect(await writing).toBe('409 BLOB_UPLOAD_INVALID');
      expect(await rig.offset(id)).toBe(2);
      expect(await holderOf(rig, id)).toBe(b.node.id());
      endOther();
      await takingOver;
      expect(await holderOf(rig, id)).toBe(null);
    }
    expect(await findBlob(rig.db, digestOf('abc'))).toBeUndefined();
  });

  // What it wrote meanwhile lies in the same file here; nodes share an object store, where it does not.
  test('a node that comes back when its session was committed elsewhere changes nothing', async () => {
    await using rig = await openContentRig();
    await using a = await join(rig);
    await using b = await join(rig);
    const id = await a.uploads.open(owner, 'sha256');
    const { body, end } = openBody('abc');
    const writing = codeOf(a.close(id, body, 'abc'));
    await underWay(rig, a);
    await a.stun();
    await silence(rig, a, 6000);
    await b.append(id, bodyOf('xyz'));
    await b.close(id, undefined, 'xyz');
    end();
    expect(await writing).toBe('404 BLOB_UPLOAD_UNKNOWN');
    expect(await findBlob(rig.db, digestOf('abc'))).toBeUndefined();
    expect(await findBlob(rig.db, digestOf('xyz'))).toBeDefined();
    expect(await rig.left()).toEqual({ ...nothing, objects: 1 });
  });

  test('a sweep that stood still does not end a session that went on elsewhere', async () => {
    await using rig = await openContentRig();
    await using a = await join(rig);
    await using b = await join(rig);
    const id = await a.uploads.open(owner, 'sha256');
    await a.append(id, bodyOf('ab'));
    const standing = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const still = rig.openOver(
      {
        ...rig.store,
        async staged(upload) {
          reached.resolve();
          await standing.promise;
          return rig.store.staged(upload);
        },
      },
      { node: a.node },
    );
    const sweeping = still.sweep(Date.now() + 3_600_000);
    await reached.promise;
    await a.stun();
    await silence(rig, a, 6000);
    expect(await b.append(id, bodyOf('c'))).toBe(3);
    standing.resolve();
    await sweeping;
    expect(await rig.offset(id)).toBe(3);
    expect((await rig.bytes((await b.close(id, undefined, 'abc')).key)).toString()).toBe('abc');
  });

  test('cancelling on one node ends what another writes', async () => {
    await using rig = await openContentRig();
    await using a = await join(rig);
    await using b = await join(rig);
    const id = await a.uploads.open(owner, 'sha256');
    const { body, end } = openBody('abc');
    const writing = codeOf(a.append(id, body));
    await underWay(rig, a);
    await b.uploads.cancel(id, owner);
    end();
    expect(await writing).toBe('404 BLOB_UPLOAD_UNKNOWN');
    const closed = await a.uploads.open(owner, 'sha256');
    const second = openBody('abc');
    const closing = codeOf(a.close(closed, second.body, 'abc'));
    await underWay(rig, a);
    await b.uploads.cancel(closed, owner);
    second.end();
    expect(await closing).toBe('404 BLOB_UPLOAD_UNKNOWN');
    expect(await rig.left()).toEqual(nothing);
  });

  test('what was published and is refused leaves no object', async () => {
    await using rig = await openContentRig();
    await using a = await join(rig);
    const id = await a.uploads.open(owner, 'sha256');
    const overtaken = rig.openOver(
      {
        ...rig.store,
        async stage(upload, ...at) {
          const staging = (await rig.store.stage(upload, ...at))!;
          return {
            ...staging,
            async publish(digest) {
              const key = await staging.publish(digest);
              await rig.db.change('DELETE FROM uploads WHERE id = ? RETURNING id', [upload]);
              return key;
            },
          };
        },
      },
      { node: a.node },
    );
    const closing = overtaken.hold(id, owner, (session) => session.close(bodyOf('abc'), digestOf('abc'), rig.link));
    expect(await codeOf(closing)).toBe('404 BLOB_UPLOAD_UNKNOWN');
    expect(await rig.left()).toEqual(nothing);
  });

  test('the sweep of one node leaves alone what another works on, and takes what a dead one left', async () => {
    await using rig = await openContentRig();
    await using a = await join(rig);
    await using b = await join(rig);
    const later = Date.now() + 3_600_000;
    const id = await a.uploads.open(owner, 'sha256');
    const { body, end } = openBody('abc');
    const closing = a.close(id, body, 'abc');
    const single = openBody('def');
    const putting = a.uploads.put(owner, single.body, digestOf('def'), rig.link);
    await underWay(rig, a, 2);
    expect((await b.uploads.sweep(later)).uploads).toBe(0);
    end();
    single.end();
    await Promise.all([closing, putting]);
    const left = await a.uploads.open(owner, 'sha256');
    void a.append(left, openBody('abc').body).catch(() => {});
    void a.uploads.put(owner, openBody('def').body, digestOf('def'), rig.link).catch(() => {});
    await underWay(rig, a, 2);
    await a.stun();
    await silence(rig, a, 6000);
    expect((await b.uploads.sweep(later)).uploads).toBe(2);
    expect(await rig.left()).toEqual({ ...nothing, objects: 2 });
  });

  /** A member that stands still before it opens a staging area, and is silent for so long that others take its upload. */
  async function standStill(rig: ContentRig, act: (uploads: Uploads) => Promise<unknown>) {
    const going = Promise.withResolvers<void>();
    const standing = Promise.withResolvers<void>();
    const member = await join(rig);
    const stage: typeof rig.store.stage = async (...at) => {
      standing.resolve();
      await going.promise;
      return rig.store.stage(...at);
    };
    const answer = codeOf(act(rig.openOver({ ...rig.store, stage }, { node: member.node })));
    await standing.promise;
    await member.stun();
    await silence(rig, member, 6000);
    return {
      /** What it answers when it comes back. */
      comeBack() {
        going.resolve();
        return answer;
      },
    };
  }

  if (storesInS3)
    test('a node that stood still before it opened the bytes costs the one nothing that went on', async () => {
      const bytes = randomBytes(2 * testPartBytes + 9);
      for (const start of [0, 9]) {
        await using rig = await openContentRig();
        await using b = await join(rig);
        const id = await b.uploads.open(owner, 'sha256');
        await b.append(id, bodyOf(bytes.subarray(0, 9)));
        const rest = bytes.subarray(start);
        const stood = await standStill(rig, (a) => a.hold(id, owner, (it) => it.append(bodyOf(rest), start)));
        expect(await b.append(id, bodyOf(rest), start)).toBe(bytes.length);
        // What the row named before goes after the answer.
        if (start > 0)
          await until(async () => (await rig.everything()).filter((key) => /uploads/.test(key)).length === 1);
        expect(await stood.comeBack()).toBe('409 BLOB_UPLOAD_INVALID');
        const digest = digestOf(bytes);
        const { key } = await b.uploads.hold(id, owner, (it) => it.close(undefined, digest, rig.link));
        expect((await rig.bytes(key)).equals(bytes)).toBe(true);
      }
    });

  test('many clients that move from node to node with each request lose nothing', async () => {
    await using rig = await openContentRig();
    const members = [await join(rig), await join(rig), await join(rig)];
    const any = () => members[Math.floor(Math.random() * members.length)]!;
    try {
      const keys = await Promise.all(
        Array.from({ length: 30 }, async () => {
          const bytes = randomBytes(50_000);
          const id = await any().uploads.open(owner, 'sha256');
          for (let at = 0; at < 50_000; at += 10_000) await any().append(id, bodyOf(bytes.subarray(at, at + 10_000)));
          const { key } = await any().uploads.hold(id, owner, (session) =>
            session.close(undefined, digestOf(bytes), rig.link),
          );
          expect(await rig.bytes(key)).toEqual(bytes);
          return key;
        }),
      );
      expect(new Set(keys).size).toBe(30);
      expect(await rig.left()).toEqual({ ...nothing, objects: 30 });
    } finally {
      for (const member of members) await member[Symbol.asyncDispose]();
    }
  });
}
