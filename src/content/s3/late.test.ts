import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { link, mkdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { testPartBytes as part } from '../../../test/support/storage.ts';
import { digestOf } from '../../oci/index.ts';
import { bodyOf, codeOf, owner } from '../content-rig.double.ts';
import { dropUpload } from '../upload-store.ts';
import { closeBy, type Nodes, openTwoNodes } from './two-nodes.double.ts';

test('a PUT that is carried out when another node has committed other bytes does not replace them', async () => {
  for (const begun of [0, 10]) {
    await using nodes = await openTwoNodes();
    const { rig, first } = nodes;
    const bytes = randomBytes(2010);
    const lost = Buffer.concat([bytes.subarray(0, begun), randomBytes(2000)]);
    const id = await rig.open();
    if (begun > 0) await rig.append(id, bodyOf(bytes.subarray(0, begun)));
    nodes.hold('PutObject');
    expect(await codeOf(closeBy(first, nodes, id, lost.subarray(begun), lost))).toBe('503 UNAVAILABLE');
    await closeBy(rig.elsewhere(), nodes, id, bytes.subarray(begun), bytes);
    await nodes.letGo();
    await nodes.judge(bytes);
  }
});

test('a copy that is carried out when another node has committed other bytes does not replace them', async () => {
  for (const anew of [true, false]) {
    await using nodes = await openTwoNodes();
    const { rig, first } = nodes;
    const lost = randomBytes(3000);
    const id = await rig.open();
    await rig.append(id, bodyOf(lost));
    nodes.hold('CopyObject');
    expect(await codeOf(closeBy(first, nodes, id, undefined, lost))).toBe('503 UNAVAILABLE');
    // It ends before it has tidied: what is copied from is still there.
    const others = rig.openOver({ ...rig.store, release: async () => {} });
    const more = randomBytes(2000);
    const bytes = anew ? more : Buffer.concat([lost, more]);
    if (anew) await others.hold(id, owner, (it) => it.append(bodyOf(bytes), 0));
    await closeBy(others, nodes, id, anew ? undefined : more, bytes);
    await nodes.letGo();
    await nodes.judge(bytes);
  }
});

test('a copy that is carried out before its source goes, and after all else went, is swept', async () => {
  for (const next of ['more', 'anew', 'closed', 'cancelled'] as const) {
    await using nodes = await openTwoNodes();
    const { rig, first } = nodes;
    const lost = randomBytes(3000);
    const id = await rig.open();
    await rig.append(id, bodyOf(lost));
    nodes.hold('CopyObject');
    expect(await codeOf(closeBy(first, nodes, id, undefined, lost))).toBe('503 UNAVAILABLE');
    const source = rig.stagingOf(id);
    await link(source, `${rig.data}/source`);
    const others = rig.elsewhere();
    const more = randomBytes(2000);
    const bytes = next === 'anew' ? more : Buffer.concat([lost, more]);
    if (next === 'more') await others.hold(id, owner, (it) => it.append(bodyOf(more), lost.length));
    if (next === 'anew') await others.hold(id, owner, (it) => it.append(bodyOf(more), 0));
    if (next === 'cancelled') await others.cancel(id, owner);
    else await closeBy(others, nodes, id, next === 'closed' ? more : undefined, bytes);
    const tidied = async () => !(await rig.everything()).some((key) => /^uploads\/[0-9a-f.]+$/.test(key));
    for (const until = Date.now() + 45_000; Date.now() < until && !(await tidied()); await Bun.sleep(5));
    // As if it had been removed only afterwards.
    await mkdir(dirname(source), { recursive: true });
    await link(`${rig.data}/source`, source);
    await nodes.letGo();
    await unlink(source);
    expect((await rig.everything()).filter((key) => key.includes(digestOf(lost).slice(7)))).toHaveLength(1);
    await nodes.judge(next === 'cancelled' ? undefined : bytes);
  }
});

test('parts that become an object when another node has committed other bytes do not replace them', async () => {
  // The upload begins anew with the first request, or with what was acknowledged.
  for (const acknowledged of [false, true]) {
    for (const size of [2000, part + 2000]) {
      await using nodes = await openTwoNodes();
      const { rig, first } = nodes;
      const [lost, bytes] = [randomBytes(2 * part + 9), randomBytes(size)];
      const id = await rig.open();
      if (acknowledged) await rig.append(id, bodyOf(lost));
      nodes.hold('CompleteMultipartUpload');
      const closing = closeBy(first, nodes, id, acknowledged ? undefined : lost, lost);
      expect(await codeOf(closing)).toBe('503 UNAVAILABLE');
      if (acknowledged) await rig.elsewhere().hold(id, owner, (it) => it.append(bodyOf(bytes), 0));
      await closeBy(rig.elsewhere(), nodes, id, acknowledged ? undefined : bytes, bytes);
      await nodes.letGo();
      await nodes.judge(bytes);
    }
  }
}, 120_000);

test('an object that is made when its upload was cancelled, or when nobody waits for it any more, is swept', async () => {
  for (const size of [2000, part + 2000]) {
    for (const cancelled of ['afterwards', 'meanwhile', 'never'] as const) {
      await using nodes = await openTwoNodes();
      const { rig, first } = nodes;
      const bytes = randomBytes(size);
      nodes.hold(size > part ? 'CompleteMultipartUpload' : 'PutObject');
      if (cancelled === 'never') {
        expect(await codeOf(first.put(owner, bodyOf(bytes), digestOf(bytes), rig.link))).toBe('503 UNAVAILABLE');
      } else {
        const id = await rig.open();
        const closing = codeOf(closeBy(first, nodes, id, bytes, bytes));
        if (cancelled === 'meanwhile') {
          while (!nodes.holds()) await Bun.sleep(1);
          await dropUpload(rig.db, id);
        }
        expect(await closing).toBe(cancelled === 'meanwhile' ? '404 BLOB_UPLOAD_UNKNOWN' : '503 UNAVAILABLE');
        if (cancelled === 'afterwards') await rig.elsewhere().cancel(id, owner);
      }
      await nodes.letGo();
      await nodes.judge(undefined);
    }
  }
}, 120_000);

/** Whether the upload of these bytes ends well when what the first node asked for is carried out late. */
async function goOnElsewhere(
  nodes: Nodes,
  { bytes, begun, lost, operation }: { bytes: Buffer; begun: number; lost: Buffer; operation: string },
): Promise<string> {
  const { rig, first } = nodes;
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes.subarray(0, begun)));
  nodes.hold(operation, operation === 'PutObject' ? '/uploads/' : '/blobs/');
  const appending = first.hold(id, owner, (it) => it.append(bodyOf(lost), begun));
  expect(await codeOf(appending)).toBe('503 UNAVAILABLE');
  const middle = bytes.length - 5;
  await rig.elsewhere().hold(id, owner, (it) => it.append(bodyOf(bytes.subarray(begun, middle)), begun));
  await nodes.letGo();
  const rest = rig.elsewhere().hold(id, owner, (it) => it.append(bodyOf(bytes.subarray(middle)), middle));
  const answer = await codeOf(rest);
  return answer === 'done' ? codeOf(closeBy(rig.elsewhere(), nodes, id, undefined, bytes)) : answer;
}

const sizes = [
  // Of what was acknowledged, and of what the first node was told then.
  [9, 5],
  [9, part + 5],
  [part + 9, 5],
  [part + 9, part],
] as const;

test('what is carried out late of the same bytes, which another node has taken in the end, costs nothing', async () => {
  for (const [begun, late] of sizes) {
    for (const operation of ['PutObject', 'UploadPart']) {
      if (operation === 'UploadPart' && late < part) continue;
      await using nodes = await openTwoNodes();
      const bytes = randomBytes(2 * part + 19);
      const lost = bytes.subarray(begun, begun + late);
      expect(await goOnElsewhere(nodes, { bytes, begun, lost, operation })).toBe('done');
      await nodes.judge(bytes);
    }
  }
}, 120_000);

test('what is carried out late of other bytes gets into no blob', async () => {
  for (const [begun, late] of sizes) {
    for (const operation of ['PutObject', 'UploadPart']) {
      if (operation === 'UploadPart' && late < part) continue;
      await using nodes = await openTwoNodes();
      const bytes = randomBytes(2 * part + 19);
      const closed = await goOnElsewhere(nodes, { bytes, begun, lost: randomBytes(late), operation });
      // A part under the number that the other node has given to its own; one of a multipart upload that no state names
      // hurts nobody.
      const hurts = operation === 'UploadPart' && begun > part;
      expect(closed).toBe(hurts ? '400 DIGEST_INVALID' : 'done');
      await nodes.judge(hurts ? undefined : bytes);
    }
  }
}, 120_000);
