import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { makeImage } from '../../test/http/registry.ts';
import { type AdmissionRig, descriptorOf, openAdmissionRig, openssl } from './admission-rig.double.ts';

let rig: AdmissionRig;
beforeAll(async () => void (rig = await openAdmissionRig()));
afterAll(() => rig[Symbol.asyncDispose]());

/** Waits until what was pushed so far has been followed. */
async function followed(): Promise<void> {
  const { db } = rig.app.storage;
  const last = await db.first<{ id: number }>('SELECT max(id) AS id FROM events', []);
  await rig.until(async () => {
    const at = await db.first<{ id: number }>("SELECT id FROM event_cursors WHERE subscriber = 'admission'", []);
    return (at?.id ?? 0) >= last!.id;
  });
}

const refuses = (name: string, reference: string) => async () => (await rig.get(name, reference)).status === 403;

test('an index is refused soon after something is found in an image of it, also where nobody ever pulled that image', async () => {
  // All of it is there, and followed, before there is any policy.
  const image = makeImage();
  await rig.push('prod/early', undefined, image);
  await rig.scan(image.digest);
  await rig.index('prod/early', 'v1', [descriptorOf(image, 'linux/amd64')]);
  await followed();
  await rig.policy('prod', { repositories: ['prod/*'], mode: 'enforce', severity: 'High' });
  await rig.until(async () => (await rig.get('prod/early', 'v1')).headers.get('cache-control') === 'private, no-store');
  expect((await rig.get('prod/early', 'v1')).status).toBe(200);
  await rig.scan(image.digest, [openssl()]);
  await rig.until(refuses('prod/early', 'v1'));
});

test('what is let out by an exception for an index is, too, where its image was decided on before the index came', async () => {
  const image = makeImage();
  await rig.policy('early', { repositories: ['early/*'], mode: 'enforce', severity: 'High' });
  await rig.push('early/app', undefined, image);
  await rig.scan(image.digest, [openssl()]);
  const listed = [descriptorOf(image, 'linux/amd64')];
  // The digest of an index is known before it is here: from another repository.
  await rig.push('elsewhere/app', undefined, image);
  const index = await rig.index('elsewhere/app', 'v1', listed);
  await rig.until(refuses('early/app', image.digest));
  const decision = async () => (await rig.refusal('early/app', image.digest)).detail['decision'];
  const before = await decision();
  await rig.exception('early', {
    vulnerability: 'CVE-2026-42767',
    repositories: ['early/app'],
    digests: [index],
    expiresOn: new Date(rig.now() + 86_400_000).toISOString(),
  });
  // It is decided on by these rules, and nothing lists it yet.
  await followed();
  await rig.until(async () => (await decision()) !== before);
  expect(await rig.index('early/app', 'v1', listed)).toBe(index);
  await rig.until(async () => (await rig.get('early/app', 'v1')).status === 200);
  await rig.until(async () => (await rig.get('early/app', image.digest)).status === 200);
});

test('an index whose images have more findings together than are looked at is refused, and each of its images is decided on', async () => {
  await rig.policy('many', { repositories: ['many/*'], mode: 'enforce', severity: 'Critical' });
  const findings = Array.from({ length: 20_000 }, (_, n) => openssl({ id: `CVE-2026-${10_000 + n}`, severity: 'Low' }));
  const images = Array.from({ length: 6 }, () => makeImage());
  for (const image of images) {
    await rig.push('many/app', undefined, image);
    await rig.scan(image.digest, findings);
  }
  const listed = images.map((image) => descriptorOf(image, 'linux/amd64'));
  await rig.index('many/app', 'five', listed.slice(1));
  await rig.index('many/app', 'six', listed);
  await rig.until(async () => (await rig.get('many/app', 'five')).status === 200);
  expect(await rig.refusal('many/app', 'six')).toMatchObject({
    status: 403,
    detail: { reasons: [{ code: 'TOO_MANY_IMAGES' }] },
  });
  for (const { digest } of images) expect((await rig.get('many/app', digest)).status).toBe(200);
});

test('hostile input: the platform that an index gives an image moves no cursor, wherever it is shown', async () => {
  await rig.policy('prod', { repositories: ['prod/*'], mode: 'enforce', severity: 'High' });
  const image = makeImage();
  await rig.push('prod/escapes', undefined, image);
  await rig.scan(image.digest, [openssl()]);
  await rig.index('prod/escapes', 'v1', [descriptorOf(image, '\u001b]0;mine\u0007\u202e/amd64')]);
  await rig.until(refuses('prod/escapes', 'v1'));
  const { message, detail } = await rig.refusal('prod/escapes', 'v1');
  const explained = await rig.ask('explain', { repository: 'prod/escapes', reference: 'v1' });
  for (const text of [
    message,
    ...[detail, explained].map((one) => (one['reasons'] as { platform: string }[])[0]!.platform),
  ]) {
    expect(text).toContain('mine');
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  }
});

test('who pulls an index has its images scanned before others, and no scan of the index itself is asked for', async () => {
  await rig.policy('waits', { repositories: ['waits/*'], mode: 'enforce', severity: 'High' });
  const images = [makeImage(), makeImage()];
  for (const image of images) await rig.push('waits/app', undefined, image);
  const listed = images.map((image, at) => descriptorOf(image, ['linux/amd64', 'linux/arm64'][at]!));
  const index = await rig.index('waits/app', 'v1', listed);
  await rig.until(refuses('waits/app', 'v1'));
  const pulled = async () => {
    await rig.get('waits/app', 'v1');
    const rows = await rig.app.storage.db.all<{ digest: string }>("SELECT digest FROM scans WHERE reason = 'pull'", []);
    return rows.map(({ digest }) => digest);
  };
  const digests = images.map(({ digest }) => digest);
  let hurried: string[] = [];
  await rig.until(async () => {
    hurried = await pulled();
    return hurried.includes(index) || digests.every((digest) => hurried.includes(digest));
  });
  expect(hurried.toSorted()).toEqual(digests.toSorted());
});

test('a list of tags shows none of hundreds whose indexes are held, and says Failed of these, however long ago that was decided', async () => {
  await rig.policy('held', { repositories: ['held/*'], mode: 'quarantine', severity: 'High' });
  const image = makeImage();
  await rig.push('held/app', undefined, image);
  await rig.scan(image.digest, [openssl()]);
  const many = 220;
  for (let n = 0; n < many; n++) {
    await rig.index('held/app', `t${n}`, [descriptorOf(image, 'linux/amd64', { annotations: { n: String(n) } })]);
  }
  await followed();
  await rig.until(async () => {
    const due = await rig.app.storage.db.first(
      `SELECT v.digest FROM verdicts v JOIN repositories r ON r.id = v.repository_id
        WHERE r.name = 'held/app' AND (v.due < 0 OR v.effect = 'pending') LIMIT 1`,
      [],
    );
    return due === undefined;
  });
  // Longer than what depends on other images is believed of a pull.
  rig.advance(60_000);
  const get = async (path: string) => (await fetch(`${rig.url}${path}`, { headers: rig.runtime })).json();
  expect(await get('/v2/held/app/tags/list')).toMatchObject({ tags: [] });
  const { manifests } = (await get('/acr/v1/held/app/_manifests?n=1000')) as { manifests: object[] };
  expect(manifests).toHaveLength(many + 1);
  for (const one of manifests) expect(one).toMatchObject({ changeableAttributes: { quarantineState: 'Failed' } });
  // And shows them at once after they pass.
  await rig.scan(image.digest);
  await rig.until(async () => ((await get('/v2/held/app/tags/list')) as { tags: string[] }).tags.length === many);
});
