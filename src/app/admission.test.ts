import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf, makeImage, ociIndex, pushBlob, putManifest } from '../../test/http/registry.ts';
import { type AdmissionRig, descriptorOf, openAdmissionRig, openssl, writer } from './admission-rig.double.ts';

let rig: AdmissionRig;
beforeAll(async () => {
  rig = await openAdmissionRig();
  await rig.policy('prod', { repositories: ['prod/*'], mode: 'enforce', severity: 'High', fixableOnly: true });
});
afterAll(() => rig[Symbol.asyncDispose]());

describe('a policy that is enforced', () => {
  test('denies a pull in one line that says image, policy, reason and what to do; the detail is for programs', async () => {
    const { digest } = await rig.push('prod/app', 'v1');
    await rig.scan(digest, [openssl(), openssl({ id: 'CVE-2026-2', severity: 'High' })]);
    const since = rig.audit().length;
    for (const reference of ['v1', digest]) {
      const { status, code, message, detail, headers } = await rig.refusal('prod/app', reference);
      expect([status, code]).toEqual([403, 'DENIED']);
      expect(message.length).toBeLessThanOrEqual(256);
      expect(message).not.toContain('\n');
      expect(message).toContain(reference === 'v1' ? 'prod/app:v1' : `prod/app@${digest.slice(0, 15)}`);
      for (const part of ['"prod"', 'CVE-2026-2', 'openssl', 'and 1 more', 'update openssl to 3.0.22-1~deb12u1'])
        expect(message).toContain(part);
      expect(detail).toMatchObject({
        reason: 'admission',
        decision: expect.stringMatching(/^dec_[0-9a-f]{12}$/),
        digest,
        reasons: [{ code: 'VULNERABILITY', policy: 'prod', rule: 'severity' }, {}],
      });
      expect(headers.get('cache-control')).toBe('private, no-store');
    }
    expect(rig.audit(since)).toMatchObject([
      { action: 'pull', outcome: 'denied', reason: 'admission', target: 'prod/app', digest },
      { action: 'pull', outcome: 'denied', reason: 'admission', target: 'prod/app' },
    ]);
  });

  test('lesson 60: stops nobody who pushes, whatever is refused there: each push is taken, and its tag moves', async () => {
    const headers = await rig.somebody('developer', writer);
    const images = [makeImage(), makeImage()];
    for (const [at, image] of images.entries()) {
      for (const blob of [image.config, image.layer]) await pushBlob(rig.url, 'prod/pushed', blob);
      const put = await fetch(`${rig.url}/v2/prod/pushed/manifests/v1`, {
        method: 'PUT',
        headers: { ...headers, 'Content-Type': 'application/vnd.oci.image.manifest.v1+json' },
        body: image.text,
      });
      expect([at, put.status]).toEqual([at, 201]);
      await rig.scan(image.digest, [openssl()]);
      expect((await rig.get('prod/pushed', 'v1')).status).toBe(403);
      expect((await rig.head('prod/pushed', 'v1')).headers.get('docker-content-digest')).toBe(image.digest);
      // Who pushes goes on from what is there.
      expect((await rig.get('prod/pushed', 'v1', { headers })).status).toBe(200);
    }
  });

  test('lets out what passes, and no cache keeps it', async () => {
    const { digest, text } = await rig.push('prod/app', 'good');
    await rig.scan(digest, [openssl({ severity: 'Low' }), openssl({ fixable: false }), openssl({ possible: true })]);
    const answer = await rig.get('prod/app', 'good');
    expect([answer.status, await answer.text()]).toEqual([200, text]);
    expect(answer.headers.get('cache-control')).toBe('private, no-store');
    expect((await rig.get('prod/app', 'good')).status).toBe(200);
  });

  test('has nothing to say of other repositories', async () => {
    const { digest } = await rig.push('dev/app', 'v1');
    await rig.scan(digest, [openssl()]);
    const answer = await rig.get('dev/app', 'v1');
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'private, no-cache']);
  });

  test('acts on evidence at once, in both directions', async () => {
    const { digest } = await rig.push('prod/turns', 'v1');
    expect(await rig.refusal('prod/turns', 'v1')).toMatchObject({
      status: 403,
      message: expect.stringContaining('has not been scanned yet'),
    });
    await rig.scan(digest);
    expect((await rig.get('prod/turns', 'v1')).status).toBe(200);
    await rig.scan(digest, [openssl()]);
    await rig.until(async () => (await rig.get('prod/turns', 'v1')).status === 403);
    await rig.scan(digest);
    expect((await rig.get('prod/turns', 'v1')).status).toBe(200);
  });

  test('that changes is the one that counts, also where a verdict by the old one is recorded', async () => {
    await rig.policy('changing', { repositories: ['changing'], mode: 'enforce', severity: 'Critical' });
    const { digest } = await rig.push('changing', 'v1');
    await rig.scan(digest, [openssl({ severity: 'High' })]);
    expect((await rig.get('changing', 'v1')).status).toBe(200);
    await rig.policy('changing', { repositories: ['changing'], mode: 'enforce', severity: 'High' });
    expect((await rig.get('changing', 'v1')).status).toBe(403);
    await rig.policy('changing', { repositories: ['changing'], mode: 'enforce', enabled: false });
    expect((await rig.get('changing', 'v1')).status).toBe(200);
  });

  test('waits for the scan that is under way, and no longer than it says', async () => {
    await rig.policy('patient', { repositories: ['patient'], mode: 'enforce', severity: 'High', waitSeconds: 30 });
    const { digest } = await rig.push('patient', 'v1');
    const waiting = rig.get('patient', 'v1');
    await Bun.sleep(300);
    await rig.scan(digest);
    expect((await waiting).status).toBe(200);
    await rig.policy('hasty', { repositories: ['hasty'], mode: 'enforce', waitSeconds: 1, unscanned: 'allow' });
    await rig.push('hasty', 'v1');
    expect((await rig.get('hasty', 'v1')).status).toBe(200);
  });

  test('keeps to the grace of a finding, and refuses by itself when that is over', async () => {
    await rig.policy('grace', { repositories: ['grace'], mode: 'enforce', severity: 'High', graceDays: 7 });
    const { digest } = await rig.push('grace', 'v1');
    await rig.scan(digest, [openssl({ firstSeen: rig.now() - 7 * 86_400_000 + 60_000 })]);
    expect((await rig.get('grace', 'v1')).status).toBe(200);
    rig.advance(61_000);
    expect((await rig.get('grace', 'v1')).status).toBe(403);
  });
});

describe('an exception', () => {
  test('lets an image out until it expires, and says who has approved it', async () => {
    const { digest } = await rig.push('prod/excepted', 'v1');
    await rig.scan(digest, [openssl()]);
    expect((await rig.get('prod/excepted', 'v1')).status).toBe(403);
    const expiresOn = new Date(rig.now() + 60_000).toISOString();
    const made = await rig.exception('openssl', {
      vulnerability: 'DEBIAN-CVE-2026-42767',
      repositories: ['prod/excepted'],
      packages: ['pkg:deb/debian/openssl'],
      expiresOn,
    });
    expect(made.properties).toMatchObject({
      state: 'Active',
      approvedBy: 'local operator',
      requestedBy: 'local operator',
    });
    expect((await rig.get('prod/excepted', 'v1')).status).toBe(200);
    const explained = await rig.ask('explain', { repository: 'prod/excepted', reference: 'v1' });
    expect(explained).toMatchObject({
      effect: 'allow',
      validUntil: expiresOn,
      excepted: [{ vulnerability: 'CVE-2026-42767', exception: 'openssl', until: expiresOn }],
    });
    rig.advance(61_000);
    expect((await rig.get('prod/excepted', 'v1')).status).toBe(403);
  });

  test.each([
    [{ expiresOn: undefined }, 'expiresOn'],
    [{ expiresOn: '2020-01-01T00:00:00Z' }, 'must lie in the future'],
    [{ expiresOn: new Date(Date.now() + 400 * 86_400_000).toISOString() }, 'lets exceptions count 90 days'],
    [{ status: 'not_affected' }, 'justification'],
    [{ status: 'affected' }, 'statement'],
    [{ vulnerability: 'no id' }, 'vulnerability'],
    [{ repositories: ['!prod/*'] }, 'repositories'],
    [{ packages: ['openssl'] }, 'packages'],
  ])('that says %j is refused with what is wrong', async (wrong, says) => {
    const right = {
      vulnerability: 'CVE-2026-42767',
      repositories: ['prod/*'],
      expiresOn: new Date(rig.now() + 3_600_000).toISOString(),
    };
    await expect(rig.exception('wrong', { ...right, ...wrong })).rejects.toThrow(says);
  });

  test('of a policy with four eyes counts only once somebody else has approved it', async () => {
    const four = { repositories: ['four'], mode: 'enforce', severity: 'High', exceptions: { fourEyes: true } };
    await rig.policy('four', four);
    const { digest } = await rig.push('four', 'v1');
    await rig.scan(digest, [openssl()]);
    const expiresOn = new Date(rig.now() + 3_600_000).toISOString();
    const properties = { vulnerability: 'CVE-2026-42767', repositories: ['four'], expiresOn };
    const made = await rig.exception('four', properties);
    expect(made.properties).toMatchObject({ state: 'AwaitingApproval', approvedBy: '' });
    expect((await rig.get('four', 'v1')).status).toBe(403);
    await expect(rig.management.post(`${made.id}/approve`, {})).rejects.toThrow('cannot approve it');
    const headers = await rig.somebody('chief', 'Owner');
    const approve = (etag: string) =>
      fetch(`${rig.url}${made.id}/approve?api-version=2025-11-01`, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify({ etag }),
      });
    // Nobody approves by mistake what was written after they have looked.
    const { etag } = await rig.exception('four', { ...properties, ticket: 'SEC-0' });
    expect((await approve(made.etag)).status).toBe(412);
    expect((await rig.get('four', 'v1')).status).toBe(403);
    expect((await approve(etag)).status).toBe(200);
    expect((await rig.get('four', 'v1')).status).toBe(200);
    // Whoever changes what was approved has to have that approved.
    const changed = await rig.exception('four', { ...properties, ticket: 'SEC-1' });
    expect(changed.properties).toMatchObject({ state: 'AwaitingApproval' });
    expect((await rig.get('four', 'v1')).status).toBe(403);
  });
});

test('an index is judged by what it lists, and says which part it is', async () => {
  const [amd, arm, attestation] = [
    await rig.push('prod/multi'),
    await rig.push('prod/multi'),
    await attest('prod/multi'),
  ];
  const index = await rig.index('prod/multi', 'v1', [
    descriptorOf(amd, 'linux/amd64'),
    descriptorOf(arm, 'linux/arm64'),
    descriptorOf(attestation, 'unknown/unknown', {
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    }),
  ]);
  await rig.scan(amd.digest);
  await rig.scan(arm.digest, [openssl()]);
  const refused = await rig.refusal('prod/multi', 'v1');
  expect(refused.message).toContain('linux/arm64');
  expect((await rig.get('prod/multi', amd.digest)).status).toBe(200);
  expect((await rig.get('prod/multi', arm.digest)).status).toBe(403);
  expect((await rig.get('prod/multi', attestation.digest)).status).toBe(200);
  // An exception for the index is one for what it lists.
  await rig.exception('multi', {
    vulnerability: 'CVE-2026-42767',
    repositories: ['prod/multi'],
    digests: [index],
    expiresOn: new Date(rig.now() + 3_600_000).toISOString(),
  });
  expect((await rig.get('prod/multi', 'v1')).status).toBe(200);
  expect((await rig.get('prod/multi', arm.digest)).status).toBe(200);
});

/** An attestation as BuildKit pushes it. */
async function attest(name: string) {
  const layer = '{"_type":"https://in-toto.io/Statement/v0.1"}';
  const image = makeImage(new TextEncoder().encode(layer));
  const manifest = JSON.parse(image.text) as { layers: { mediaType: string }[] };
  manifest.layers[0]!.mediaType = 'application/vnd.in-toto+json';
  const text = JSON.stringify(manifest);
  const digest = `sha256:${new Bun.CryptoHasher('sha256').update(text).digest('hex')}`;
  return rig.push(name, undefined, { ...image, text, digest });
}

test('an index of indexes beyond what is looked at is refused, and ends', async () => {
  const image = await rig.push('prod/deep');
  await rig.scan(image.digest);
  let inner = descriptorOf(image, 'linux/amd64');
  for (let depth = 1; depth <= 8; depth++) {
    const text = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [inner] });
    const answer = await putManifest(rig.url, 'prod/deep', `deep${depth}`, text, ociIndex);
    const digest = answer.headers.get('docker-content-digest')!;
    inner = { ...descriptorOf({ ...image, text, digest }, 'linux/amd64'), mediaType: ociIndex };
  }
  expect((await rig.get('prod/deep', 'deep1')).status).toBe(200);
  expect(await rig.refusal('prod/deep', 'deep8')).toMatchObject({
    status: 403,
    detail: { reasons: [{ code: 'TOO_MANY_IMAGES' }] },
  });
});

test('a policy that audits lets everything out, and says what it would have refused', async () => {
  await rig.policy('watch', { repositories: ['watched'], mode: 'audit', severity: 'High' });
  const { digest } = await rig.push('watched', 'v1');
  await rig.scan(digest, [openssl()]);
  const answer = await rig.get('watched', 'v1');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('x-policy-decision')).toMatch(/^would-deny; id=dec_/);
  await rig.until(async () => rig.audit().some(({ reason }) => reason === 'would-deny'));
});

test('what is deleted takes what is recorded of it along', async () => {
  const { digest } = await rig.push('prod/gone', 'v1');
  await rig.scan(digest);
  expect((await rig.get('prod/gone', 'v1')).status).toBe(200);
  const { db } = rig.app.storage;
  const rows = async () =>
    (
      await db.all(
        'SELECT digest FROM verdicts WHERE digest = ? UNION ALL SELECT digest FROM evidence WHERE digest = ?',
        [digest, digest],
      )
    ).length;
  await rig.until(async () => (await rows()) === 2);
  expect((await fetch(`${rig.url}/v2/prod/gone/manifests/${digest}`, { method: 'DELETE' })).status).toBe(202);
  await rig.until(async () => (await rows()) === 0);
});

test('what is nothing that can be scanned is let out, unless a policy says otherwise', async () => {
  const config = '{}';
  const chart = 'chart';
  await pushBlob(rig.url, 'prod/chart', config);
  await pushBlob(rig.url, 'prod/chart', chart);
  const sha = (text: string) => `sha256:${new Bun.CryptoHasher('sha256').update(text).digest('hex')}`;
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: sha(config), size: 2 },
    layers: [{ mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', digest: sha(chart), size: 5 }],
  });
  expect((await putManifest(rig.url, 'prod/chart', 'v1', text)).status).toBe(201);
  expect((await rig.get('prod/chart', 'v1')).status).toBe(200);
  await rig.policy('images', { repositories: ['prod/chart'], mode: 'enforce', unsupported: 'deny' });
  const answer = await rig.get('prod/chart', 'v1');
  expect(await errorOf(answer)).toMatchObject({ detail: { reasons: [{ code: 'UNSUPPORTED' }] } });
});
