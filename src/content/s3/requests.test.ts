import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { startS3Faults } from '../../../test/support/s3-faults.ts';
import { startS3 } from '../../../test/support/s3.ts';
import { openTestS3Store, testPartBytes as part } from '../../../test/support/storage.ts';
import { digestOf } from '../../oci/index.ts';
import { bodyOf, openContentRig, owner } from '../content-rig.double.ts';

test('what a blob costs in requests to S3: one, where it is less than a part and comes in one request', async () => {
  await using rig = await openContentRig({ s3: true });
  await using proxy = await startS3Faults((await startS3()).endpoint);
  await using through = await openTestS3Store({ bucket: rig.bucket, endpoint: proxy.endpoint });
  const uploads = rig.openOver(through.store);

  /** Operations, sorted, because some are under way at the same time. */
  async function costOf(push: () => Promise<unknown>, last?: string): Promise<string[]> {
    const from = proxy.requests.length;
    await push();
    const asked = () => proxy.requests.slice(from).map(({ operation }) => operation);
    // What a session leaves is tidied after the answer.
    const until = Date.now() + 45_000;
    while (last && asked().at(-1) !== last && Date.now() < until) await Bun.sleep(5);
    return asked().toSorted();
  }

  const put = (bytes: Buffer) => () => uploads.put(owner, bodyOf(bytes), digestOf(bytes), rig.link);
  expect(await costOf(put(randomBytes(2000)))).toEqual(['PutObject']);
  expect(await costOf(put(Buffer.alloc(0)))).toEqual(['PutObject']);
  expect(await costOf(put(randomBytes(2 * part + 1)))).toEqual([
    'CompleteMultipartUpload',
    'CreateMultipartUpload',
    'PutObject',
    'UploadPart',
    'UploadPart',
    'UploadPart',
  ]);
  const session = (bytes: Buffer) => async () => {
    const id = await rig.open();
    await uploads.hold(id, owner, (it) => it.close(bodyOf(bytes), digestOf(bytes), rig.link));
  };
  expect(await costOf(session(randomBytes(2000)))).toEqual(['PutObject']);
  // As Docker pushes: all of it with a PATCH, then a PUT without a body.
  const chunked = (bytes: Buffer) => async () => {
    const id = await rig.open();
    await uploads.hold(id, owner, (it) => it.append(bodyOf(bytes), undefined));
    await uploads.hold(id, owner, (it) => it.close(undefined, digestOf(bytes), rig.link));
  };
  expect(await costOf(chunked(randomBytes(2000)), 'DeleteObjects')).toEqual([
    'CopyObject',
    'DeleteObjects',
    'HeadObject',
    'ListObjectsV2',
    'PutObject',
  ]);
  // In several requests, the last bytes with the PUT: each that goes on reads the state, and removes the one before.
  const pieces = (bytes: Buffer) => async () => {
    const id = await rig.open();
    for (const at of [0, 700]) {
      await uploads.hold(id, owner, (it) => it.append(bodyOf(bytes.subarray(at, at + 700)), undefined));
    }
    await uploads.hold(id, owner, (it) => it.close(bodyOf(bytes.subarray(1400)), digestOf(bytes), rig.link));
    await Bun.sleep(200);
  };
  expect(await costOf(pieces(randomBytes(2000)))).toEqual([
    'DeleteObjects',
    'DeleteObjects',
    'GetObject',
    'GetObject',
    'HeadObject',
    'HeadObject',
    'ListObjectsV2',
    'PutObject',
    'PutObject',
    'PutObject',
  ]);
  const cancelled = async () => {
    const id = await rig.open();
    await uploads.hold(id, owner, (it) => it.append(bodyOf('hello'), undefined));
    await uploads.cancel(id, owner);
  };
  expect(await costOf(cancelled)).toEqual([
    'DeleteObjects',
    'HeadObject',
    'ListMultipartUploads',
    'ListObjectsV2',
    'ListObjectsV2',
    'PutObject',
  ]);
  expect(await Array.fromAsync(rig.store.uploads())).toEqual([]);
  expect(await costOf(chunked(randomBytes(part + 1)), 'DeleteObjects')).toEqual([
    'CompleteMultipartUpload',
    'CreateMultipartUpload',
    'DeleteObjects',
    'HeadObject',
    'ListObjectsV2',
    'ListParts',
    'PutObject',
    'PutObject',
    'UploadPart',
    'UploadPartCopy',
  ]);
});
