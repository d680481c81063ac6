import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { type AdmissionRig, openAdmissionRig, openssl } from './admission-rig.double.ts';

/*
 * On a server that scans nothing: whoever waits for a scan waits for ever, unless there is an end to it.
 */

const minute = 60_000;
let rig: AdmissionRig;
beforeAll(async () => {
  rig = await openAdmissionRig();
  const held = { mode: 'quarantine', severity: 'High', scanDeadlineHours: 0.05 };
  await rig.policy('strict', { ...held, repositories: ['strict/*'] });
  await rig.policy('lenient', { ...held, repositories: ['lenient/*'], unscanned: 'allow', waitSeconds: 1 });
});
afterAll(() => rig[Symbol.asyncDispose]());

/** An image that was admitted, and one under the same tag whose scan has been asked for. */
async function pushTwice(repository: string) {
  const first = await rig.push(repository, 'v1');
  await rig.scan(first.digest);
  await rig.until(async () => (await rig.get(repository, 'v1')).status === 200);
  const second = await rig.push(repository, 'v1');
  const { db } = rig.app.storage;
  await rig.until(async () => (await db.all('SELECT id FROM scans WHERE digest = ?', [second.digest])).length === 1);
  return { first: first.digest, second: second.digest };
}

const digestAt = async (repository: string, init = {}) =>
  (await rig.get(repository, 'v1', { headers: rig.runtime, ...init })).headers.get('docker-content-digest');

async function stateOf(repository: string, digest: string): Promise<string | undefined> {
  const answer = await fetch(`${rig.url}/acr/v1/${repository}/_manifests/${digest}`);
  const { manifest } = (await answer.json()) as { manifest: { changeableAttributes: { quarantineState?: string } } };
  return manifest.changeableAttributes.quarantineState;
}

const eventsOf = async (digest: string) =>
  (
    await rig.app.storage.db.all<{ type: string }>(
      `SELECT type FROM events WHERE type LIKE 'manifest.%' AND data LIKE ? ORDER BY id`,
      [`%${digest}%`],
    )
  ).map(({ type }) => type);

test('an image whose scan never ends has failed after the deadline, and its tag follows what the policy says of it', async () => {
  const strict = await pushTwice('strict/app');
  const lenient = await pushTwice('lenient/app');
  for (const [repository, { first, second }] of [
    ['strict/app', strict],
    ['lenient/app', lenient],
  ] as const) {
    expect(await digestAt(repository)).toBe(first);
    // By each way to ask the same.
    expect(await digestAt(repository, { method: 'HEAD' })).toBe(first);
    expect(await stateOf(repository, second)).toBe('Quarantined');
  }
  rig.advance(4 * minute);

  await rig.until(async () => (await stateOf('strict/app', strict.second)) === 'Failed');
  expect(await digestAt('strict/app')).toBe(strict.first);
  expect((await rig.refusal('strict/app', strict.second)).message).toContain('has waited for its scan for more than');
  expect(await rig.ask('explain', { repository: 'strict/app', reference: 'v1' })).toMatchObject({
    effect: 'deny',
    quarantine: { state: 'Failed' },
    servedInstead: strict.first,
    reasons: [{ code: 'UNSCANNED', rule: 'scanDeadlineHours' }],
  });

  // Nobody has to pull or push anything for that.
  await rig.until(async () => (await eventsOf(lenient.second)).includes('manifest.pushed'));
  expect(await stateOf('lenient/app', lenient.second)).toBe('Passed');
  expect(await digestAt('lenient/app')).toBe(lenient.second);

  // A scan that comes after all counts.
  await rig.scan(strict.second);
  await rig.until(async () => (await digestAt('strict/app')) === strict.second);
  await rig.scan(lenient.second, [openssl()]);
  await rig.until(async () => (await digestAt('lenient/app')) === lenient.first);
}, 120_000);
