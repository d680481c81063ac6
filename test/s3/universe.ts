import { expect } from 'bun:test';
import {
  type BlobStore,
  contentMigrations,
  createUploads,
  type LinkBlob,
  recordBlob,
  sweepDeleted,
  type Uploads,
} from '../../src/content/index.ts';
import type { Database } from '../../src/database/index.ts';
import { type Digest, digestOf } from '../../src/oci/index.ts';
import type { Random } from '../crash/random.ts';
import { openTestDatabase } from '../support/database.ts';
import { startS3 } from '../support/s3.ts';
import { faults, type S3Request, startS3Faults } from '../support/s3-faults.ts';
import { objectsOf, openTestS3Store } from '../support/storage.ts';

/** How long what is under way to S3 may take at the end (ms), and how long S3 may be late in the middle. */
const settleMs = 10_000;
const longestLateMs = 2000;

/** A process that takes uploads, behind its own faults; it ends like one that is killed. */
export interface Node {
  uploads: Uploads;
  link: LinkBlob;
  dead(): boolean;
  kill(): void;
}

/** Facts, a bucket, and the processes on them. */
export async function openUniverse(random: Random, faultRate: number) {
  await using stack = new AsyncDisposableStack();
  const db = stack.use(await openTestDatabase(contentMigrations));
  const s3 = await startS3();
  const quiet = stack.use(await openTestS3Store({ retryPauseMs: 5 }));
  const universe = stack.move();
  const proxies: { open(): number }[] = [];
  const acknowledged = new Map<Digest, number>();
  let faulted = 0;

  async function startNode(): Promise<Node> {
    const proxy = universe.use(
      await startS3Faults(s3.endpoint, (seen) => {
        if (!random.chance(faultRate)) return undefined;
        faulted++;
        const fault = outlives(seen) && random.chance(0.5) ? 'late' : random.pick(faults);
        return fault === 'late' ? late : fault;
      }),
    );
    proxies.push(proxy);
    const { bucket } = quiet;
    const opened = universe.use(
      await openTestS3Store({ bucket, endpoint: proxy.endpoint, requestTimeoutMs: 400, retryPauseMs: 5 }),
    );
    let dead = false;
    function kill(): void {
      dead = true;
      proxy.kill();
    }
    /** Others may have gone on with what this process was at when its last request is carried out. */
    function late(): Promise<void> {
      if (random.chance(0.5)) kill();
      return Bun.sleep(random.below(longestLateMs));
    }
    const ended = () => Promise.reject(new Error('this process is dead'));
    const mortal: Database = {
      ...db,
      write: (...call) => (dead ? ended() : db.write(...call)),
      change: (...call) => (dead ? ended() : db.change(...call)),
    };
    return {
      uploads: createUploads(mortal, opened.store, { stallMs: 60_000, minBytesPerSecond: 0, maxBytes: 2 ** 40 }),
      link: (tx, blob) => recordBlob(tx, { ...blob, now: Date.now() }),
      dead: () => dead,
      kill,
    };
  }

  return {
    startNode,
    acknowledge: (digest: Digest, size: number) => void acknowledged.set(digest, size),
    acknowledged: () => acknowledged.size,
    faulted: () => faulted,
    /** Once nothing is under way: every acknowledged blob is whole, and after the sweep nothing else is there. */
    async judge(): Promise<void> {
      const underWay = () => proxies.reduce((sum, proxy) => sum + proxy.open(), 0);
      for (const until = Date.now() + settleMs; underWay() > 0; await Bun.sleep(10))
        if (Date.now() > until) throw new Error(`${underWay()} requests to S3 do not come to an end`);
      await requireWhole(db, quiet.store, acknowledged);
      let [expected, found]: string[][] = [[], ['']];
      // A session that has ended may still be tidied.
      for (
        const until = Date.now() + settleMs;
        Date.now() < until && !Bun.deepEquals(expected, found);
        await Bun.sleep(10)
      ) {
        await sweepAll(db, quiet.store);
        const rows = await db.all<{ key: string }>('SELECT "key" FROM blobs', []);
        expected = rows.flatMap(({ key }) => objectsOf(key, 0).map(([object]) => object)).toSorted();
        found = await quiet.everything();
      }
      expect(found).toEqual(expected);
      await requireWhole(db, quiet.store, acknowledged);
    },
    [Symbol.asyncDispose]: () => universe.disposeAsync(),
  };
}

/** Whether content, a part of it, or a state of an upload comes of a request, in the end. */
function outlives({ operation, path }: S3Request): boolean {
  const made = ['PutObject', 'CopyObject', 'CompleteMultipartUpload', 'UploadPart', 'UploadPartCopy'];
  return /\/(blobs|uploads)\//.test(path) && made.includes(operation);
}

export type Universe = Awaited<ReturnType<typeof openUniverse>>;

async function requireWhole(db: Database, store: BlobStore, wanted: ReadonlyMap<Digest, number>): Promise<void> {
  for (const [digest, size] of wanted) {
    const row = await db.first<{ key: string; size: number }>(
      'SELECT "key", size FROM blobs WHERE digest = ? AND deleting = 0',
      [digest],
    );
    expect(row?.size).toBe(size);
    expect(await store.size(row!.key)).toBe(size);
    if (size === 0) continue;
    const bytes = await new Response(await store.read(row!.key, 0, size - 1)).bytes();
    expect(digestOf(bytes)).toBe(digest);
  }
}

async function sweepAll(db: Database, store: BlobStore): Promise<void> {
  const uploads = createUploads(db, store, { stallMs: 60_000, minBytesPerSecond: 0, maxBytes: 2 ** 40 });
  for (let more = true; more;) ({ more } = await uploads.sweep(Date.now() + 3_600_000));
  while ((await sweepDeleted(db, store)).blobs > 0);
}
