import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { testPartBytes as part } from '../../../test/support/storage.ts';
import { RegistryError } from '../../errors/index.ts';
import { digestOf } from '../../oci/index.ts';
import { checkContent } from '../check.ts';
import { bodyOf, codeOf, owner } from '../content-rig.double.ts';
import { sweepDeleted } from '../sweep.ts';
import { closeBy, openTwoNodes } from './two-nodes.double.ts';

const crash = () => Promise.reject(new Error('crash'));

test('what an earlier request published is swept, though the one that repeated it could not tidy', async () => {
  for (const begun of [0, 10]) {
    for (const size of [2000, part + 9]) {
      await using nodes = await openTwoNodes();
      const { rig } = nodes;
      const [lost, bytes] = [randomBytes(size), randomBytes(size)];
      bytes.set(lost.subarray(0, begun));
      const id = await rig.open();
      if (begun > 0) await rig.append(id, bodyOf(bytes.subarray(0, begun)));
      const close = rig.uploads.hold(id, owner, (it) => it.close(bodyOf(lost.subarray(begun)), digestOf(lost), crash));
      await expect(close).rejects.toThrow('crash');
      const others = rig.openOver({ ...rig.store, release: async () => {} });
      await closeBy(others, nodes, id, bytes.subarray(begun), bytes);
      await nodes.judge(bytes);
    }
  }
});

test('an attempt that comes late after another one was answered leaves nothing, whatever came of the blob', async () => {
  const refuse = () => Promise.reject(new RegistryError('DENIED'));
  for (const what of ['refused', 'there already'] as const) {
    for (const [size, operation] of [
      // On a connection that is new: where it is not, the client repeats a PUT by itself, and nobody hears of it.
      [2000, 'PutObject'],
      [part + 9, 'CompleteMultipartUpload'],
    ] as const) {
      await using nodes = await openTwoNodes();
      const { rig, first } = nodes;
      const bytes = randomBytes(size);
      if (what === 'there already') await rig.uploads.put(owner, bodyOf(bytes), digestOf(bytes), rig.link);
      nodes.holdOnce(operation);
      const put = first.put(owner, bodyOf(bytes), digestOf(bytes), what === 'refused' ? refuse : rig.link);
      expect(await codeOf(put)).toBe(what === 'refused' ? '403 DENIED' : 'done');
      while ((await sweepDeleted(rig.db, rig.store)).blobs > 0);
      await nodes.letGo();
      await nodes.judge(what === 'refused' ? undefined : bytes);
    }
  }
}, 120_000);

test('a blob that is refused before it is published leaves nothing for the sweep', async () => {
  await using nodes = await openTwoNodes();
  const { rig } = nodes;
  const put = rig.uploads.put(owner, bodyOf(randomBytes(2000)), digestOf('another'), rig.link);
  expect(await codeOf(put)).toBe('400 DIGEST_INVALID');
  expect(await rig.everything()).toEqual([]);
});

test('a blob beside a mark of the sweep is adopted when facts are rebuilt, and then stays', async () => {
  for (const graceMs of [3_600_000, -1000]) {
    await using nodes = await openTwoNodes();
    const { rig, first } = nodes;
    const bytes = randomBytes(2000);
    nodes.holdOnce('PutObject');
    await first.put(owner, bodyOf(bytes), digestOf(bytes), rig.link);
    await nodes.letGo();
    await rig.db.write((tx) => tx.deleteFrom('blobs').execute());
    const options = { repair: true, verify: true, rebuild: true, graceMs };
    const findings = await Array.fromAsync(checkContent(rig.db, rig.store, options));
    expect(findings.map(({ code }) => code)).toContain('object-adopted');
    await nodes.judge(bytes);
  }
});

test('a session whose bytes are gone, and of which an object may come yet, leaves nothing', async () => {
  await using nodes = await openTwoNodes();
  const { rig, first } = nodes;
  const bytes = randomBytes(part + 9);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes));
  nodes.hold('CompleteMultipartUpload');
  expect(await codeOf(closeBy(first, nodes, id, undefined, bytes))).toBe('503 UNAVAILABLE');
  await unlink(rig.stagingOf(id));
  expect(await codeOf(closeBy(rig.elsewhere(), nodes, id, undefined, bytes))).toBe('404 BLOB_UPLOAD_UNKNOWN');
  await nodes.letGo();
  await nodes.judge(undefined);
});

test('what is yet to be swept is no damage', async () => {
  await using nodes = await openTwoNodes();
  const { rig } = nodes;
  const bytes = randomBytes(2000);
  await rig.uploads.put(owner, bodyOf(bytes), digestOf(bytes), crash).catch(() => {});
  const dying = rig.openOver({ ...rig.store, discard: crash });
  await expect(dying.sweep(Date.now() + 3_600_000)).rejects.toThrow('crash');
  expect(await rig.db.all('SELECT id FROM uploads', [])).toEqual([]);
  expect((await rig.everything()).length).toBe(2);
  expect(await Array.fromAsync(checkContent(rig.db, rig.store, { repair: false, verify: true }))).toEqual([]);
  await nodes.judge(undefined);
});
