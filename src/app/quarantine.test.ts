import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf } from '../../test/http/registry.ts';
import { accessToken } from '../../test/http/tokens.ts';
import { registry } from '../../test/support/management.ts';
import { bearer } from '../../test/support/people.ts';
import { type AdmissionRig, descriptorOf, openAdmissionRig, openssl, reader } from './admission-rig.double.ts';

let rig: AdmissionRig;
beforeAll(async () => {
  rig = await openAdmissionRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const details = JSON.stringify({
  scanner: 'clair',
  state: 'scan passed',
  link: 'https://scan.example.com/1',
  result: { version: '4.8', summary: [{ severity: 'High', count: 0 }] },
});

/** As a scanner of ACR's releases an image. */
const patch = (name: string, digest: string, body: object, headers?: Record<string, string>) =>
  fetch(`${rig.url}/acr/v1/${name}/_manifests/${digest}`, {
    method: 'PATCH',
    body: JSON.stringify(body),
    ...(headers && { headers }),
  });
const attributes = async (name: string, digest: string) => {
  const answer = await fetch(`${rig.url}/acr/v1/${name}/_manifests/${digest}`);
  return ((await answer.json()) as { manifest: { changeableAttributes: object } }).manifest.changeableAttributes;
};
/** Types of events of one manifest. */
const eventsOf = async (digest: string) => {
  const rows = await rig.app.storage.db.all<{ type: string; data: string }>(
    `SELECT type, data FROM events WHERE type LIKE 'manifest.%' ORDER BY id`,
    [],
  );
  return rows.filter(({ data }) => data.includes(digest)).map(({ type }) => type);
};

describe("ACR's quarantine policy of a registry", () => {
  let before: string;
  beforeAll(async () => {
    before = (await rig.push('acr', 'before')).digest;
    await rig.management.patch(registry, { policies: { quarantinePolicy: { status: 'enabled' } } });
  });
  afterAll(() => rig.management.patch(registry, { policies: { quarantinePolicy: { status: 'disabled' } } }));

  test('hides what nobody has released: by tag it is not there, by digest the operation is disallowed', async () => {
    const { digest } = await rig.push('acr', 'v1');
    const byTag = await rig.refusal('acr', 'v1');
    expect([byTag.status, byTag.code]).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect((await rig.head('acr', 'v1')).status).toBe(404);
    const byDigest = await rig.refusal('acr', digest);
    expect([byDigest.status, byDigest.code]).toEqual([403, 'DENIED']);
    expect(byDigest.message).toStartWith('The operation is disallowed: ');
    expect(byDigest.message).toContain('AcrQuarantineWriter');
    // What was there before is held as well, as in ACR.
    expect((await rig.get('acr', before)).status).toBe(403);
    const since = rig.audit().filter(({ reason }) => reason === 'quarantine');
    expect(since.length).toBeGreaterThanOrEqual(3);
  });

  test('AcrQuarantineReader pulls, AcrQuarantineWriter releases; the push is told of then, and only then', async () => {
    const { digest } = await rig.push('acr', 'released');
    expect(await attributes('acr', digest)).toMatchObject({ quarantineState: 'Quarantined' });
    expect(await eventsOf(digest)).toEqual(['manifest.quarantined']);
    const scanner = await rig.somebody('acr-scanner', reader, 'AcrQuarantineReader');
    expect((await rig.get('acr', digest, { headers: scanner })).status).toBe(200);
    expect((await patch('acr', digest, { quarantineState: 'Passed' }, scanner)).status).toBe(403);
    const releaser = await rig.somebody('acr-releaser', 'AcrQuarantineWriter');
    const token = await accessToken(rig.url, releaser.Authorization, ['repository:acr:metadata_write']);
    const writer = { Authorization: bearer(token) };
    // No more than that.
    expect((await patch('acr', digest, { deleteEnabled: false }, writer)).status).toBe(403);
    // The event of the push is seen a moment later, and the release is told of after it.
    const body = { quarantineState: 'Passed', quarantineDetails: details };
    const answer = await patch('acr', digest, body, writer);
    expect([answer.status, await answer.json()]).toMatchObject([200, { manifest: { changeableAttributes: body } }]);
    for (const reference of ['released', digest]) expect((await rig.get('acr', reference)).status).toBe(200);
    await rig.until(async () => (await eventsOf(digest)).length === 2);
    expect(await eventsOf(digest)).toEqual(['manifest.quarantined', 'manifest.pushed']);
    const listed = (await (await fetch(`${rig.url}/acr/v1/acr/_manifests`)).json()) as { manifests: object[] };
    expect(listed.manifests).toContainEqual(
      expect.objectContaining({ digest, changeableAttributes: expect.objectContaining(body) }),
    );
  });

  test('what has failed stays hidden, and can be taken back', async () => {
    const { digest } = await rig.push('acr', 'failed');
    expect((await patch('acr', digest, { quarantineState: 'Failed' })).status).toBe(200);
    expect((await rig.refusal('acr', digest)).message).toContain('has failed');
    expect((await patch('acr', digest, { quarantineState: 'Passed' })).status).toBe(200);
    expect((await rig.get('acr', 'failed')).status).toBe(200);
    expect((await patch('acr', digest, { quarantineState: 'Quarantined' })).status).toBe(200);
    await rig.until(async () => (await rig.get('acr', 'failed')).status === 404);
  });

  test('an index that is released admits what it lists', async () => {
    const image = await rig.push('acr');
    const index = await rig.index('acr', 'multi', [descriptorOf(image, 'linux/amd64')]);
    expect((await rig.get('acr', image.digest)).status).toBe(403);
    expect((await patch('acr', index, { quarantineState: 'Passed' })).status).toBe(200);
    expect((await rig.get('acr', 'multi')).status).toBe(200);
    expect((await rig.get('acr', image.digest)).status).toBe(200);
    expect((await patch('acr', index, { quarantineState: 'Failed' })).status).toBe(200);
    await rig.until(async () => (await rig.get('acr', image.digest)).status === 403);
    // Released once more, until it is deleted.
    expect((await patch('acr', index, { quarantineState: 'Passed' })).status).toBe(200);
    await rig.until(async () => (await rig.get('acr', image.digest)).status === 200);
    expect((await fetch(`${rig.url}/v2/acr/manifests/${index}`, { method: 'DELETE' })).status).toBe(202);
    await rig.until(async () => (await rig.get('acr', image.digest)).status === 403);
  });

  test.each([
    [{ quarantineState: 'passed' }, 'quarantineState'],
    [{ quarantineState: null }, 'quarantineState'],
    [{ quarantineDetails: 'x'.repeat(9000) }, 'quarantineDetails'],
    [{ quarantineDetails: '[]' }, 'quarantineDetails'],
  ])('%j is refused', async (body, says) => {
    const answer = await patch('acr', before, body);
    expect(answer.status).toBe(400);
    expect((await errorOf(answer)).message).toContain(says);
  });
});

describe('a policy that quarantines', () => {
  beforeAll(() =>
    rig.policy('intake', { repositories: ['intake/*'], mode: 'quarantine', severity: 'High', tagMode: 'not-found' }),
  );

  test('leaves an image where it is of which a scanner gives nothing but details', async () => {
    const { digest } = await rig.push('intake/details', 'v1');
    await rig.scan(digest);
    expect((await rig.get('intake/details', 'v1')).status).toBe(200);
    const answer = await patch('intake/details', digest, { quarantineDetails: details });
    expect([answer.status, await answer.json()]).toMatchObject([
      200,
      { manifest: { changeableAttributes: { quarantineState: 'Passed', quarantineDetails: details } } },
    ]);
    expect((await rig.get('intake/details', 'v1')).status).toBe(200);
    // Its rules go on deciding.
    await rig.scan(digest, [openssl()]);
    await rig.until(async () => (await rig.get('intake/details', 'v1')).status === 404);
    expect(await attributes('intake/details', digest)).toMatchObject({ quarantineState: 'Failed' });
  });

  test('releases by itself what passes, and tells of the push then', async () => {
    const { digest } = await rig.push('intake/app', 'v1');
    expect((await rig.get('intake/app', 'v1')).status).toBe(404);
    // Attributes and lists say that it is there: what is hidden is its content.
    const listed = await fetch(`${rig.url}/acr/v1/intake/app/_tags/v1`, { headers: rig.runtime });
    expect(await listed.json()).toMatchObject({ tag: { digest } });
    expect(await attributes('intake/app', digest)).toMatchObject({ quarantineState: 'Quarantined' });
    await rig.scan(digest);
    await rig.until(async () => (await eventsOf(digest)).includes('manifest.pushed'));
    expect((await rig.get('intake/app', 'v1')).status).toBe(200);
    expect(await attributes('intake/app', digest)).toMatchObject({ quarantineState: 'Passed' });
    expect(await eventsOf(digest)).toEqual(['manifest.quarantined', 'manifest.pushed']);
  });

  test('says Failed of what a rule refuses, until somebody releases it by hand', async () => {
    const { digest } = await rig.push('intake/app', 'v2');
    await rig.scan(digest, [openssl()]);
    expect(await attributes('intake/app', digest)).toMatchObject({ quarantineState: 'Failed' });
    expect((await rig.refusal('intake/app', digest)).message).toContain('CVE-2026-42767');
    expect((await patch('intake/app', digest, { quarantineState: 'Passed' })).status).toBe(200);
    expect((await rig.get('intake/app', 'v2')).status).toBe(200);
  });

  test('that goes lets out what it held, and its push is told of', async () => {
    await rig.policy('short', { repositories: ['short'], mode: 'quarantine' });
    const { digest } = await rig.push('short', 'v1');
    await rig.until(
      async () =>
        (await rig.app.storage.db.all('SELECT held FROM verdicts WHERE digest = ? AND held = 1', [digest])).length ===
        1,
    );
    await rig.management.delete(`${registry}/admissionPolicies/short`);
    expect((await rig.get('short', 'v1')).status).toBe(200);
    await rig.until(async () => (await eventsOf(digest)).includes('manifest.pushed'));
  });
});

describe('hold-previous: a tag leads to what was admitted last', () => {
  let first: string;
  let second: string;
  let third: string;
  beforeAll(async () => {
    await rig.policy('held', { repositories: ['held/*'], mode: 'quarantine', severity: 'High' });
    ({ digest: first } = await rig.push('held/app', 'v1'));
    await rig.scan(first);
    expect((await rig.get('held/app', 'v1')).headers.get('docker-content-digest')).toBe(first);
    ({ digest: second } = await rig.push('held/app', 'v1'));
    await rig.scan(second, [openssl()]);
    ({ digest: third } = await rig.push('held/app', 'v1'));
  });

  /** What everybody who asks by the tag is told, by each way to ask. */
  async function seenBy(headers: Record<string, string>) {
    const acr = async (path: string) => (await fetch(`${rig.url}/acr/v1/held/app/${path}`, { headers })).json();
    const tag = ((await acr('_tags/v1')) as { tag?: { digest: string } }).tag?.digest;
    const { tags } = (await acr('_tags')) as { tags: { name: string; digest: string }[] };
    const { manifest } = (await acr('_manifests/v1')) as { manifest?: { digest: string } };
    const get = await rig.get('held/app', 'v1', { headers });
    const head = await rig.get('held/app', 'v1', { headers, method: 'HEAD' });
    return [get, head]
      .map((answer) => answer.headers.get('docker-content-digest') ?? undefined)
      .concat(tag, tags.find(({ name }) => name === 'v1')?.digest, manifest?.digest);
  }
  const all = (digest: string) => Array.from({ length: 5 }, () => digest);

  test('GET, HEAD, tags and /acr/v1 agree, to whoever may pull; who may push or read quarantine sees the new one', async () => {
    expect(await seenBy(rig.runtime)).toEqual(all(first));
    const scanner = await rig.somebody('held-scanner', reader, 'AcrQuarantineReader');
    expect(await seenBy(scanner)).toEqual(all(third));
    const explained = await rig.ask('explain', { repository: 'held/app', reference: 'v1' });
    expect(explained).toMatchObject({ digest: third, effect: 'pending', servedInstead: first });
  });

  test('by its digest nothing else is served', async () => {
    expect((await rig.get('held/app', third)).status).toBe(403);
    expect((await rig.get('held/app', second)).status).toBe(403);
    expect((await rig.get('held/app', first)).status).toBe(200);
  });

  test('a tag that never led to anything admitted is not there, in the list neither', async () => {
    await rig.push('held/app', 'new');
    expect((await rig.get('held/app', 'new')).status).toBe(404);
    expect((await rig.head('held/app', 'new')).status).toBe(404);
    const list = async (headers: Record<string, string>) =>
      ((await (await fetch(`${rig.url}/v2/held/app/tags/list`, { headers })).json()) as { tags: string[] }).tags;
    expect(await list(rig.runtime)).toEqual(['v1']);
    const everything = await fetch(`${rig.url}/v2/held/app/tags/list`);
    expect(await everything.json()).toMatchObject({ tags: ['new', 'v1'] });
  });

  test('once the new one is admitted it moves by itself, everywhere at once', async () => {
    await rig.scan(third);
    await rig.until(async () => (await rig.get('held/app', 'v1')).headers.get('docker-content-digest') === third);
    expect(await seenBy(rig.runtime)).toEqual(all(third));
    // And back, should something be found in it.
    await rig.scan(third, [openssl()]);
    await rig.until(async () => (await rig.get('held/app', 'v1')).headers.get('docker-content-digest') === first);
  });
});
