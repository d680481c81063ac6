import { expect, test } from 'bun:test';
import { registry } from '../../test/support/management.ts';
import { openAdmissionRig } from './admission-rig.double.ts';

test('a node that a policy is too new for lets nothing out by it, and leaves what others have decided', async () => {
  await using rig = await openAdmissionRig();
  const { db } = rig.app.storage;
  const id = `${registry}/admissionPolicies/soon`;
  const { properties } = await rig.policy('soon', { repositories: ['soon/*'], mode: 'quarantine', severity: 'High' });
  const first = await rig.push('soon/app', 'v1');
  await rig.scan(first.digest);
  expect((await rig.get('soon/app', 'v1')).status).toBe(200);
  const verdicts = () =>
    db.all<{ digest: string; effect: string; revision: string; due: number }>(
      'SELECT digest, effect, revision, due FROM verdicts ORDER BY evaluated_at',
      [],
    );
  const before = await verdicts();
  expect(before).toMatchObject([{ digest: first.digest, effect: 'allow' }]);

  // As a node of the next version would write it.
  await rig.people.put(id, { ...properties, signers: [{ issuer: 'https://issuer.test' }] });
  const refused = await rig.refusal('soon/app', first.digest);
  expect(refused).toMatchObject({ status: 403, detail: { reasons: [{ code: 'POLICY_UNREADABLE', policy: 'soon' }] } });
  expect(refused.message).toContain('have the operator upgrade this node');
  expect(await verdicts()).toEqual(before);

  const second = await rig.push('soon/app', 'v2');
  await rig.scan(second.digest);
  await rig.until(async () => (await verdicts()).length === 2);
  // It is left to a node that can tell.
  const waiting = (await verdicts())[1]!;
  expect(waiting).toMatchObject({ digest: second.digest, effect: 'pending', revision: '' });
  expect((await rig.get('soon/app', 'v2')).status).toBe(404);
  const told = await db.all<{ data: string }>("SELECT data FROM events WHERE type = 'manifest.pushed'", []);
  expect(told.filter(({ data }) => data.includes(second.digest))).toEqual([]);

  await rig.people.put(id, properties);
  for (const tag of ['v1', 'v2']) expect((await rig.get('soon/app', tag)).status).toBe(200);
  await rig.until(async () =>
    (await verdicts()).every(({ effect, revision }) => effect === 'allow' && revision !== ''),
  );
});

test('what is too new for a node cannot be changed by it, only deleted, so that nothing of it is lost unseen', async () => {
  await using rig = await openAdmissionRig();
  const policy = { repositories: ['soon/*'], mode: 'enforce' };
  const exception = { vulnerability: 'CVE-2026-1', repositories: ['*'], expiresOn: '2100-01-01T00:00:00Z' };
  for (const [type, known, more] of [
    ['admissionPolicies', policy, { signers: [{ issuer: 'https://issuer.test' }] }],
    ['admissionExceptions', exception, { platforms: ['linux/arm64'] }],
  ] as const) {
    const id = `${registry}/${type}/soon`;
    await rig.app.access.resources.put(id, { properties: { ...known, ...more } }, { by: 'test' });
    await expect(rig.management.patch(id, { ticket: 'SEC-1' })).rejects.toThrow('a newer version wrote this');
    expect((await rig.management.get(id)).properties).toMatchObject({ ...known, ...more });
    await rig.management.delete(id);
  }
  for (const mode of ['enforce', 'audit']) await rig.policy('soon', { repositories: ['soon/*'], mode });
});

test('an exception that is too new is shown, and excuses nothing', async () => {
  await using rig = await openAdmissionRig();
  const expiresOn = new Date(rig.now() + 3_600_000).toISOString();
  const { id, properties } = await rig.exception('soon', {
    vulnerability: 'CVE-2026-1',
    repositories: ['*'],
    expiresOn,
  });
  expect(properties).toMatchObject({ state: 'Active' });
  await rig.policy('soon', { repositories: ['soon/*'], mode: 'enforce' });
  const {
    state: _,
    requestedBy: __,
    approvedBy: ___,
    approvedOn: ____,
    ...written
  } = properties as Record<string, string>;
  for (const odd of [{ repositories: { below: 'soon' } }, { expiresOn: { never: true } }, { vulnerability: 1 }]) {
    await rig.people.put(id, { ...written, ...odd });
    expect((await rig.management.get(id)).properties).toMatchObject({ state: 'Unreadable', ...odd });
  }
  await rig.people.put(id, { ...written, platforms: ['linux/arm64'] });
  expect((await rig.management.get(id)).properties).toMatchObject({ state: 'Unreadable', vulnerability: 'CVE-2026-1' });
});
