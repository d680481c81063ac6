import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { startS3 } from '../../../test/support/s3.ts';
import { type Fault, type S3Request, startS3Faults } from '../../../test/support/s3-faults.ts';
import { openTestS3Store, testPartBytes as part } from '../../../test/support/storage.ts';
import { digestOf } from '../../oci/index.ts';
import { bodyOf, codeOf, openContentRig, owner } from '../content-rig.double.ts';
import { findBlob } from '../store.ts';

const hour = 3_600_000;

/** Uploads over a real S3 server, to which what `decide` says happens. */
async function openRig(decide: (seen: S3Request) => Fault | undefined) {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await openContentRig({ s3: true }));
  const { endpoint } = stack.use(await startS3Faults((await startS3()).endpoint, decide));
  const { store } = stack.use(
    await openTestS3Store({ bucket: rig.bucket, endpoint, retryPauseMs: 1, requestTimeoutMs: 1000 }),
  );
  const owned = stack.move();
  return { ...rig, uploads: rig.openOver(store), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test('a push that is refused because S3 is away leaves nothing that a sweep does not find', async () => {
  let away = false;
  await using rig = await openRig(({ operation, headers }) => {
    if (away) return 'refuse';
    if (operation !== 'PutObject' || headers['content-length'] === '0') return undefined;
    // The content is stored, and nobody hears of it.
    away = true;
    return 'lost-answer';
  });
  const bytes = randomBytes(1000);
  expect(await codeOf(rig.uploads.put(owner, bodyOf(bytes), digestOf(bytes), rig.link))).toBe('503 UNAVAILABLE');
  expect((await rig.everything()).length).toBeGreaterThan(0);
  away = false;
  for (let more = true; more;) ({ more } = await rig.elsewhere().sweep(Date.now() + hour));
  expect(await rig.everything()).toEqual([]);
});

test('a session that ends while S3 goes away leaves nothing that a sweep does not find', async () => {
  let away = false;
  await using rig = await openRig(({ operation }) => (away && /Delete|Abort/.test(operation) ? 'refuse' : undefined));
  const bytes = randomBytes(1000);
  const id = await rig.open();
  const crash = () => Promise.reject(new Error('crash'));
  const closing = rig.uploads.hold(id, owner, (it) => it.close(bodyOf(bytes), digestOf(bytes), crash));
  await closing.catch(() => {});
  away = true;
  expect(await codeOf(rig.uploads.cancel(id, owner))).toBe('503 UNAVAILABLE');
  away = false;
  for (let more = true; more;) ({ more } = await rig.elsewhere().sweep(Date.now() + hour));
  expect(await rig.everything()).toEqual([]);
});

test('S3 is not believed that an upload is completed when it was asked again and has no object', async () => {
  let asked = 0;
  await using rig = await openRig(({ operation }) => {
    if (operation !== 'CompleteMultipartUpload') return undefined;
    return (['reset', 'pretend'] as const)[asked++];
  });
  const bytes = randomBytes(part + 1);
  expect(await codeOf(rig.uploads.put(owner, bodyOf(bytes), digestOf(bytes), rig.link))).toBe('503 UNAVAILABLE');
  expect(asked).toBe(2);
  expect(await findBlob(rig.db, digestOf(bytes))).toBeUndefined();
  const again = await rig.uploads.put(owner, bodyOf(bytes), digestOf(bytes), rig.link);
  expect((await rig.bytes(again.key)).equals(bytes)).toBe(true);
});
