import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { startS3Faults } from '../../../test/support/s3-faults.ts';
import { startS3 } from '../../../test/support/s3.ts';
import { openTestS3Store, testPartBytes as part } from '../../../test/support/storage.ts';
import { digestOf } from '../../oci/index.ts';
import { bodyOf, codeOf, openContentRig, owner } from '../content-rig.double.ts';
import { findBlob } from '../store.ts';
import { openS3Calls } from './calls.ts';
import { resume } from './resume.ts';
import { closeBy, openTwoNodes, standingOpen } from './two-nodes.double.ts';

/*
 * An earlier request was to publish an upload, and what it asked of S3 is carried out while another one goes on with it.
 */

test('a completion that is carried out while the PUT is repeated does not fail that', async () => {
  for (const tail of [0, 9]) {
    await using nodes = await openTwoNodes();
    const { rig, first } = nodes;
    const bytes = randomBytes(part + tail);
    const id = await rig.open();
    await rig.append(id, bodyOf(bytes));
    nodes.hold('CompleteMultipartUpload');
    expect(await codeOf(closeBy(first, nodes, id, undefined, bytes))).toBe('503 UNAVAILABLE');
    const second = standingOpen(nodes, nodes.letGo);
    expect(await codeOf(closeBy(second, nodes, id, undefined, bytes))).toBe('done');
    await nodes.judge(bytes);
  }
});

test('a completion of more bytes that is carried out while another one is asked for gets into no blob', async () => {
  await using nodes = await openTwoNodes();
  const { rig, first } = nodes;
  const bytes = randomBytes(2 * part);
  const more = Buffer.concat([bytes, randomBytes(9)]);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes));
  nodes.hold('CompleteMultipartUpload');
  expect(await codeOf(closeBy(first, nodes, id, more.subarray(bytes.length), more))).toBe('503 UNAVAILABLE');
  // The server says of any completion that it is done once there is the object.
  const second = standingOpen(nodes, nodes.letGo);
  expect(await codeOf(closeBy(second, nodes, id, undefined, bytes))).toBe('503 UNAVAILABLE');
  expect(await findBlob(rig.db, digestOf(bytes))).toBeUndefined();
  // Nothing is lost by it.
  await closeBy(rig.elsewhere(), nodes, id, undefined, bytes);
  await nodes.judge(bytes);
});

test('a completion of what came before costs nothing that was added since, nor gets it into a blob', async () => {
  for (const when of ['before it is closed', 'while it is closed'] as const) {
    await using nodes = await openTwoNodes();
    const { rig, first } = nodes;
    const bytes = randomBytes(3 * part + 9);
    const id = await rig.open();
    await rig.append(id, bodyOf(bytes.subarray(0, part)));
    nodes.hold('CompleteMultipartUpload');
    // Too early: a digest that is right so far.
    const early = bytes.subarray(0, part);
    expect(await codeOf(closeBy(first, nodes, id, undefined, early))).toBe('503 UNAVAILABLE');
    const others = rig.elsewhere();
    await others.hold(id, owner, (it) => it.append(bodyOf(bytes.subarray(part)), undefined));
    if (when === 'before it is closed') await nodes.letGo();
    const last = when === 'before it is closed' ? others : standingOpen(nodes, nodes.letGo);
    expect(await codeOf(closeBy(last, nodes, id, undefined, bytes))).toBe('done');
    await nodes.judge(bytes);
  }
});

test('a tail that is copied late replaces no part that was added since', async () => {
  await using nodes = await openTwoNodes();
  const { rig, first } = nodes;
  const bytes = randomBytes(3 * part + 9);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes.subarray(0, part + 9)));
  nodes.hold('UploadPartCopy');
  // Of another algorithm than the session knows: all is to be read back, and does not have this digest. The tail is loaded
  // when it cannot be copied at once.
  const early = first.hold(id, owner, (it) => it.close(undefined, digestOf(bytes, 'sha512'), rig.link));
  expect(await codeOf(early)).toBe('400 DIGEST_INVALID');
  const others = rig.elsewhere();
  await others.hold(id, owner, (it) => it.append(bodyOf(bytes.subarray(part + 9)), undefined));
  await nodes.letGo();
  expect(await codeOf(closeBy(others, nodes, id, undefined, bytes))).toBe('done');
  await nodes.judge(bytes);
});

test('an upload that was closed too early goes on, also where the provider copies no parts', async () => {
  for (const fault of [undefined, 'not-implemented', 'ignore-copy'] as const) {
    await using rig = await openContentRig({ s3: true });
    await using proxy = await startS3Faults((await startS3()).endpoint, ({ operation }) =>
      operation === 'UploadPartCopy' ? fault : undefined,
    );
    const { bucket } = rig;
    await using through = await openTestS3Store({ bucket, endpoint: proxy.endpoint, retryPauseMs: 1 });
    const node = rig.openOver(through.store);
    const bytes = randomBytes(2 * part + 9);
    const all = Buffer.concat([bytes, randomBytes(7)]);
    const id = await rig.open();
    await node.hold(id, owner, (it) => it.append(bodyOf(bytes), undefined));
    const early = node.hold(id, owner, (it) => it.close(undefined, digestOf(all, 'sha512'), rig.link));
    expect(await codeOf(early)).toBe('400 DIGEST_INVALID');
    const rest = bodyOf(all.subarray(bytes.length));
    expect(await node.hold(id, owner, (it) => it.append(rest, undefined))).toBe(all.length);
    const { key } = await node.hold(id, owner, (it) => it.close(undefined, digestOf(all), rig.link));
    expect((await rig.bytes(key)).equals(all)).toBe(true);
  }
});

test('an upload of which neither the parts nor the object are there, because it is being made, is not given up', async () => {
  await using nodes = await openTwoNodes();
  const { rig } = nodes;
  const bytes = randomBytes(12 * part);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes));
  nodes.hold('CompleteMultipartUpload');
  expect(await codeOf(closeBy(nodes.first, nodes, id, undefined, bytes))).toBe('503 UNAVAILABLE');
  const done = nodes.letGo();
  const answers: string[] = [];
  for (const until = Date.now() + 45_000; answers.at(-1) !== 'done' && Date.now() < until;) {
    answers.push(await codeOf(closeBy(rig.elsewhere(), nodes, id, undefined, bytes)));
  }
  await done;
  expect(new Set(answers).difference(new Set(['503 UNAVAILABLE', 'done']))).toEqual(new Set());
  await nodes.judge(bytes);
});

test('a completion that comes between, of an upload that another request went on with, may be tried again', async () => {
  await using nodes = await openTwoNodes();
  const { rig, first } = nodes;
  const bytes = randomBytes(part + 9);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes));
  // Its hash is known here, so that nothing is asked of S3.
  expect(await codeOf(closeBy(rig.uploads, nodes, id, randomBytes(3), randomBytes(9)))).toBe('400 DIGEST_INVALID');
  nodes.hold('CompleteMultipartUpload');
  expect(await codeOf(first.hold(id, owner, (it) => it.append(bodyOf('abc'), undefined)))).toBe('503 UNAVAILABLE');
  const second = standingOpen(nodes, nodes.letGo);
  expect(['503 UNAVAILABLE', 'done']).toContain(await codeOf(closeBy(second, nodes, id, undefined, bytes)));
  await closeBy(rig.elsewhere(), nodes, id, undefined, bytes).catch(() => {});
  await nodes.judge(bytes);
});

/** What S3 is asked for past a store. */
async function callsOf(bucket: string) {
  const { endpoint } = await startS3();
  const asTested = { prefix: '', pathStyle: true, encryption: { mode: 'none' }, requestTimeoutMs: 10_000 } as const;
  return openS3Calls({ bucket, endpoint, ...asTested });
}

test('a part that comes again between the list of parts and the completion is found by the next request', async () => {
  await using rig = await openContentRig({ s3: true });
  const bytes = randomBytes(part);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes));
  const { mark } = await rig.uploads.find(id, owner);
  const calls = await callsOf(rig.bucket);
  const other = randomBytes(part);
  const racing: typeof calls = {
    ...calls,
    async parts(key, upload) {
      const found = await calls.parts(key, upload);
      await calls.putPart(key, upload, 1, { length: part, stream: () => new Blob([other]).stream() });
      return found;
    },
  };
  const resumed = await resume(racing, id, { offset: part, mark: mark!, contested: false });
  expect(await codeOf(resumed!.whole())).toBe('503 UNAVAILABLE');
  calls.close();
});

test('an object that goes while its parts are copied belongs to another', async () => {
  await using rig = await openContentRig({ s3: true });
  const id = await rig.open();
  await rig.append(id, bodyOf(randomBytes(part + 1)));
  const { mark } = await rig.uploads.find(id, owner);
  const calls = await callsOf(rig.bucket);
  const racing: typeof calls = {
    ...calls,
    async copyPart(...of) {
      await calls.remove([of[3]]);
      return calls.copyPart(...of);
    },
  };
  const resumed = await resume(racing, id, { offset: part + 1, mark: mark!, contested: true });
  expect(await codeOf(resumed!.begin())).toBe('409 BLOB_UPLOAD_INVALID');
  calls.close();
});

test('parts that have other ETags than were recorded, as those of KMS have when they come twice, are gone on with', async () => {
  await using rig = await openContentRig({ s3: true });
  const bytes = randomBytes(part + 9);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes));
  const { mark } = await rig.uploads.find(id, owner);
  const calls = await callsOf(rig.bucket);
  const encrypting: typeof calls = {
    ...calls,
    parts: async (...of) => (await calls.parts(...of))?.map((found) => ({ ...found, etag: '"another"' })),
  };
  const resumed = await resume(encrypting, id, { offset: bytes.length, mark: mark!, contested: false });
  expect((await resumed!.begin()).parts).toMatchObject({ etags: ['"another"'], ours: false });
  calls.close();
});
