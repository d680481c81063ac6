import { expect } from 'bun:test';
import { type S3Request, startS3Faults } from '../../../test/support/s3-faults.ts';
import { startS3 } from '../../../test/support/s3.ts';
import { objectsOf, openTestS3Store } from '../../../test/support/storage.ts';
import { digestOf } from '../../oci/index.ts';
import { bodyOf, openContentRig, owner } from '../content-rig.double.ts';
import { sweepDeleted } from '../sweep.ts';
import type { Uploads } from '../uploads.ts';

const hour = 3_600_000;

/** Two nodes on one bucket; what the first one asks S3 for is done when the test says so, where it is held. */
export async function openTwoNodes() {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await openContentRig({ s3: true }));
  let held: ((seen: S3Request) => boolean) | undefined;
  const { promise: letGo, resolve } = Promise.withResolvers<void>();
  const decide = (seen: S3Request) => (held?.(seen) ? () => letGo : undefined);
  const proxy = stack.use(await startS3Faults((await startS3()).endpoint, decide));
  const slow = stack.use(await openTestS3Store({ bucket: rig.bucket, endpoint: proxy.endpoint, retryPauseMs: 1 }));
  const moved = stack.move();
  const first = rig.openOver(slow.store);
  return {
    rig,
    first,
    hold(operation: string, below = '/blobs/') {
      held = (seen) => seen.operation === operation && seen.path.includes(below);
    },
    /** Once, what the first one asks for; everything else goes through. */
    holdOnce(operation: string) {
      let once = true;
      held = (seen) => seen.operation === operation && once && !(once = false);
    },
    /** Whether something was held back by now. */
    holds: () => proxy.requests.some((seen) => held?.(seen)),
    /** Now S3 does what was held back, some of it several times. */
    async letGo() {
      const before = proxy.open();
      expect(before).toBeGreaterThan(0);
      resolve();
      const until = Date.now() + 45_000;
      while (proxy.open() > 0 && Date.now() < until) await Bun.sleep(5);
      expect(proxy.open()).toBe(0);
    },
    /** The blob of these bytes is whole, and when the sweep has come round there is nothing else. */
    async judge(bytes: Buffer | undefined) {
      const rows = await rig.db.all<{ key: string }>('SELECT "key" FROM blobs WHERE deleting = 0', []);
      expect(rows).toHaveLength(bytes ? 1 : 0);
      for (const { key } of rows) expect((await rig.bytes(key)).equals(bytes!)).toBe(true);
      const kept = new Set(rows.flatMap(({ key }) => objectsOf(key, 0).map(([object]) => object)));
      let left: string[] = [];
      // A session that has ended may still be tidied.
      for (const until = Date.now() + 45_000; Date.now() < until; await Bun.sleep(20)) {
        for (let more = true; more;) ({ more } = await rig.uploads.sweep(Date.now() + hour));
        while ((await sweepDeleted(rig.db, rig.store)).blobs > 0);
        left = (await rig.everything()).filter((key) => !kept.has(key));
        if (left.length === 0) break;
      }
      expect(left).toEqual([]);
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

export type Nodes = Awaited<ReturnType<typeof openTwoNodes>>;

export const closeBy = (node: Uploads, { rig }: Nodes, id: string, rest: Uint8Array | undefined, all: Uint8Array) =>
  node.hold(id, owner, (it) => it.close(rest && bodyOf(rest), digestOf(all), rig.link));

/** The second node, which stands still where it has opened the upload until `meanwhile` has happened. */
export function standingOpen({ rig }: Nodes, meanwhile: () => Promise<void>): Uploads {
  return rig.openOver({
    ...rig.store,
    async stage(...at) {
      const opened = await rig.store.stage(...at);
      await meanwhile();
      return opened;
    },
  });
}
