import { afterEach, beforeEach, expect, test } from 'bun:test';
import { findScan } from './image-store.ts';
import { mostAttempts, requestScan } from './queue.ts';
import { type RunnerOptions, runScans } from './run-scans.ts';
import { npm, openScanRig, type ScanRig } from './scan-rig.double.ts';

let rig: ScanRig;
beforeEach(async () => {
  rig = await openScanRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 45_000; !(await what()); await Bun.sleep(5)) {
    if (Date.now() > end) throw new Error('it has not become so within 45 s');
  }
}

const outcomes: string[] = [];
function start(more: Partial<RunnerOptions> = {}) {
  outcomes.length = 0;
  return runScans({
    ...rig.source,
    parallel: 2,
    timeoutMs: 60_000,
    nodes: undefined,
    knowledge: rig.knowledge,
    ended: (_, outcome) => void outcomes.push(outcome),
    failed: (error) => expect(error).toBeUndefined(),
    ...more,
  });
}

test('an image that fails each time is left after five attempts, admission is told, and others are scanned meanwhile', async () => {
  const bad = await rig.push('app', [[npm('bad', '1.0.0')]]);
  const good = await rig.push('app', [[npm('good', '1.0.0')]]);
  for (const digest of [bad, good]) await requestScan(rig.db, digest, 'push', rig.now());
  const badLayer = (await rig.db.first<{ digest: string }>(
    `SELECT digest FROM manifest_references WHERE manifest_digest = ? AND role = 'layer'`,
    [bad],
  ))!.digest;
  const runner = start({
    extract(source, options) {
      return rig.source.extract(source, options).then((read) => {
        if (rig.layersRead().includes(badLayer)) throw new Error('the bytes could not be had');
        return read;
      });
    },
  });
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    await until(() => outcomes.filter((one) => one === 'failed' || one === 'given up').length === attempt);
    rig.clock.now += 3_600_000;
    runner.wake();
  }
  await until(() => outcomes.includes('scanned'));
  await runner.stop();
  expect(outcomes.filter((one) => one === 'failed')).toHaveLength(mostAttempts - 1);
  expect(await findScan(rig.db, bad)).toMatchObject({ state: 'failed', error: 'the bytes could not be had' });
  expect(await rig.told(bad)).toMatchObject({ status: 'failed', findings: [] });
  expect(await rig.told(good)).toMatchObject({ status: 'complete' });
});

test('a layer that takes too long is found at fault, not its image: after three times the image is known without it', async () => {
  const digest = await rig.push('app', [[npm('slow', '1.0.0')], [npm('fine', '1.0.0')]]);
  await requestScan(rig.db, digest, 'push', rig.now());
  const timeoutMs = 50;
  let slow = 0;
  const runner = start({
    timeoutMs,
    // As the process that reads layers is ended, at the same time that an image has.
    async extract(source, options) {
      if (slow >= 3) return rig.source.extract(source, options);
      slow++;
      await Bun.sleep(timeoutMs);
      return { ok: false, reason: 'timeout', detail: 'it was not read within 0.05 s', said: '' };
    },
  });
  for (let attempt = 1; attempt <= 3; attempt++) {
    await until(() => outcomes.length === attempt);
    rig.clock.now += 3_600_000;
    runner.wake();
  }
  await runner.stop();
  expect(outcomes).toEqual(['failed', 'failed', 'scanned']);
  const { inventory } = (await rig.inventory(digest))!;
  expect(inventory.warnings).toMatchObject([{ code: 'no-inventory' }]);
  expect(inventory.components.map(({ name }) => name)).toEqual(['fine']);
});

test('a runner that is stopped gives back what it is in the middle of, and that counts as no attempt', async () => {
  const digest = await rig.push('app', [[npm('slow', '1.0.0')]]);
  await requestScan(rig.db, digest, 'push', rig.now());
  let begun = false;
  const runner = start({
    extract: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        begun = true;
        signal.addEventListener('abort', () => reject(new Error('it was broken off')));
      }),
  });
  await until(() => begun);
  await runner.stop();
  expect(await findScan(rig.db, digest)).toMatchObject({ state: 'queued', attempts: 0 });
  const next = start();
  await until(() => outcomes.includes('scanned'));
  await next.stop();
  expect(await findScan(rig.db, digest)).toMatchObject({ state: 'done', attempts: 0 });
});

test('what ran in a process that is gone is run by the next one', async () => {
  const digest = await rig.push('app', [[npm('lost', '1.0.0')]]);
  await requestScan(rig.db, digest, 'push', rig.now());
  await rig.db.write((tx) => tx.run(`UPDATE scans SET state = 'running', attempts = 1`, []));
  const runner = start();
  await until(() => outcomes.includes('scanned'));
  await runner.stop();
  expect(await findScan(rig.db, digest)).toMatchObject({ state: 'done', error: null });
});
