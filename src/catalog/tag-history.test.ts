import { describe, expect, test } from 'bun:test';
import { readEvents, start } from '../events/index.ts';
import { digestOf } from '../oci/index.ts';
import { type Subject, wholeRepository } from './attributes.ts';
import { changeAttributes } from './change-attributes.ts';
import { deleteManifest } from './delete-manifest.ts';
import { deleteRepository } from './delete-repository.ts';
import { findManifestFacts } from './find-manifest.ts';
import { listTagHistory, restoreTag } from './tag-history.ts';
import { deleteTag } from './tags.ts';
import { collectAfter, day, openTestCatalog, refusal, type TestCatalog } from './test-catalog.double.ts';
import { trimTagHistory } from './trim-history.ts';

async function push(catalog: TestCatalog, n: number, tags: string[], name = 'a') {
  const config = await catalog.blob(name, '{}');
  return (await catalog.push(name, catalog.image([config], { annotations: { n: `${n}` } }), { tags })).digest;
}

const tagged = async (catalog: TestCatalog, tag: string) =>
  (await findManifestFacts(catalog, catalog.registryId, 'a', { tag }))?.digest;

async function moves(catalog: TestCatalog, tag: string) {
  const found = await listTagHistory(catalog, await catalog.repository('a'), tag, { limit: 100 });
  return found.map(({ digest }) => digest);
}

describe('the history of a tag', () => {
  test('has every move, the latest first, who made it, and whether the manifest is there', async () => {
    await using catalog = await openTestCatalog();
    const first = await push(catalog, 1, ['v1']);
    catalog.clock.now += 1000;
    const second = await push(catalog, 2, ['v1']);
    const repository = await catalog.repository('a');
    const by = { id: 'p-1', name: 'builder' };
    catalog.clock.now += 1000;
    await deleteTag({ ...catalog, by }, repository, 'v1');
    await deleteManifest(catalog, repository, first);
    const { now } = catalog.clock;
    const found = await listTagHistory(catalog, repository, 'v1', { limit: 10 });
    expect(found).toEqual([
      { id: expect.any(Number), digest: undefined, at: now, by, isThere: false },
      { id: expect.any(Number), digest: second, at: now - 1000, by: undefined, isThere: true },
      { id: expect.any(Number), digest: first, at: now - 2000, by: undefined, isThere: false },
    ]);
    expect(found.map(({ id }) => id)).toEqual(found.map(({ id }) => id).toSorted((one, other) => other - one));
  });

  test('comes in pages, and knows a tag from others', async () => {
    await using catalog = await openTestCatalog();
    for (let n = 0; n < 7; n++) await push(catalog, n, ['v1', 'v2']);
    const repository = await catalog.repository('a');
    const ids: number[] = [];
    for (let before: number | undefined; ;) {
      const page = await listTagHistory(catalog, repository, 'v1', { before, limit: 3 });
      ids.push(...page.map(({ id }) => id));
      if (page.length < 3) break;
      before = page.at(-1)!.id;
    }
    expect(ids.length).toBe(7);
    expect(new Set(ids).size).toBe(7);
    expect(await listTagHistory(catalog, repository, 'v9', { limit: 3 })).toEqual([]);
  });
});

describe('undelete', () => {
  test('brings a tag back to where it was last, with history and events as any move', async () => {
    await using catalog = await openTestCatalog();
    const [first, second] = [await push(catalog, 1, ['v1']), await push(catalog, 2, ['v1'])];
    const repository = await catalog.repository('a');
    await deleteTag(catalog, repository, 'v1');
    const by = { id: 'p-1', name: 'ada' };
    await restoreTag({ ...catalog, by }, repository, 'v1');
    expect(await tagged(catalog, 'v1')).toBe(second);
    expect(await moves(catalog, 'v1')).toEqual([second, undefined, second, first]);
    expect((await listTagHistory(catalog, repository, 'v1', { limit: 1 }))[0]!.by).toEqual(by);
    const last = (await readEvents(catalog.db, start, 100)).at(-1)!;
    expect([last.type, last.data]).toEqual([
      'tag.moved',
      { repository: 'a', tag: 'v1', digest: second, previous: null },
    ]);
  });

  test('brings it to any digest that it had, and to no other', async () => {
    await using catalog = await openTestCatalog();
    const first = await push(catalog, 1, ['v1']);
    await push(catalog, 2, ['v1']);
    const other = await push(catalog, 3, ['v2']);
    const repository = await catalog.repository('a');
    await deleteTag(catalog, repository, 'v1');
    const unknown = { code: 'MANIFEST_UNKNOWN', status: 404 };
    expect(await refusal(restoreTag(catalog, repository, 'v1', { digest: other }))).toMatchObject(unknown);
    expect(await refusal(restoreTag(catalog, repository, 'v1', { digest: digestOf('x') }))).toMatchObject(unknown);
    expect(await refusal(restoreTag(catalog, repository, 'never'))).toMatchObject(unknown);
    await restoreTag(catalog, repository, 'v1', { digest: first });
    expect(await tagged(catalog, 'v1')).toBe(first);
  });

  test('leaves a tag that is there where it is, unless it is forced back', async () => {
    await using catalog = await openTestCatalog();
    const [first, second] = [await push(catalog, 1, ['v1']), await push(catalog, 2, ['v1'])];
    const repository = await catalog.repository('a');
    const refused = await refusal(restoreTag(catalog, repository, 'v1'));
    expect(refused).toMatchObject({ code: 'CONFLICT', status: 409, detail: { tag: 'v1', digest: second } });
    // To where it is already: nothing to do, and nothing to refuse.
    await restoreTag(catalog, repository, 'v1', { digest: second });
    expect(await moves(catalog, 'v1')).toEqual([second, first]);
    await restoreTag(catalog, repository, 'v1', { force: true });
    expect(await tagged(catalog, 'v1')).toBe(first);
  });

  test('says that the manifest is gone', async () => {
    await using catalog = await openTestCatalog();
    const first = await push(catalog, 1, ['v1']);
    await push(catalog, 2, ['v2']);
    const repository = await catalog.repository('a');
    await deleteManifest(catalog, repository, first);
    const refused = (await refusal(restoreTag(catalog, repository, 'v1'))) as Error;
    expect(refused).toMatchObject({ code: 'MANIFEST_UNKNOWN', detail: { tag: 'v1', digest: first } });
    expect(refused.message).toContain('deleted since');
    expect(await tagged(catalog, 'v1')).toBeUndefined();
  });

  test('an untagged image waits for it for as long as nobody deletes it; a referrer as long as its subject', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const subject = await catalog.push('a', catalog.image([config]), { tags: ['v1'] });
    const referrer = catalog.image([config], { subject, annotations: { n: '1' } });
    const { digest } = await catalog.push('a', referrer, { tags: ['signature'] });
    const repository = await catalog.repository('a');
    await deleteTag(catalog, repository, 'v1');
    await deleteTag(catalog, repository, 'signature');
    await collectAfter(catalog, 40 * day);
    await restoreTag(catalog, repository, 'signature');
    await restoreTag(catalog, repository, 'v1');
    expect([await tagged(catalog, 'v1'), await tagged(catalog, 'signature')]).toEqual([subject.digest, digest]);
    // The tag that came back holds the referrer also without its subject.
    await deleteManifest(catalog, repository, subject.digest);
    await collectAfter(catalog, 40 * day);
    expect(await catalog.has('a', digest)).toBe(true);
    await deleteTag(catalog, repository, 'signature');
    await collectAfter(catalog, 2 * day);
    expect(await refusal(restoreTag(catalog, repository, 'signature'))).toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });

  test('does nothing to what is locked', async () => {
    await using catalog = await openTestCatalog();
    const [first, second] = [await push(catalog, 1, ['v1']), await push(catalog, 2, ['v1'])];
    const repository = await catalog.repository('a');
    const change = (subject: Subject, writeEnabled: boolean) =>
      changeAttributes(catalog, repository, subject, { writeEnabled }, 'ada');
    const locked = { code: 'REGISTRY_DISALLOWED_OPERATION', status: 405 };
    await change({ kind: 'tag', name: 'v1' }, false);
    expect(await refusal(restoreTag(catalog, repository, 'v1', { force: true }))).toMatchObject(locked);
    await change({ kind: 'tag', name: 'v1' }, true);
    await deleteTag(catalog, repository, 'v1');
    await change(wholeRepository, false);
    expect(await refusal(restoreTag(catalog, repository, 'v1'))).toMatchObject(locked);
    expect(await tagged(catalog, 'v1')).toBeUndefined();
    await change(wholeRepository, true);
    await restoreTag(catalog, repository, 'v1', { digest: first });
    expect(await tagged(catalog, 'v1')).toBe(first);
    expect(second).not.toBe(first);
  });

  test('does nothing in a repository that was deleted, also where another has its name', async () => {
    await using catalog = await openTestCatalog();
    await push(catalog, 1, ['v1']);
    const repository = await catalog.repository('a');
    await deleteTag(catalog, repository, 'v1');
    await deleteRepository(catalog, repository);
    expect(await refusal(restoreTag(catalog, repository, 'v1'))).toMatchObject({ code: 'NAME_UNKNOWN' });
    await push(catalog, 2, ['v2']);
    expect(await refusal(restoreTag(catalog, repository, 'v1'))).toMatchObject({ code: 'NAME_UNKNOWN' });
  });
});

describe('what is remembered of tags', () => {
  const year = 365 * day;
  async function trim(catalog: TestCatalog, ms: number) {
    catalog.clock.now += ms;
    while (await trimTagHistory(catalog, year));
  }

  test('goes a year after it was over, however long it lasted; where a tag is now never goes', async () => {
    await using catalog = await openTestCatalog();
    const first = await push(catalog, 1, ['v1', 'still']);
    await trim(catalog, 3 * year);
    const second = await push(catalog, 2, ['v1']);
    await trim(catalog, year - 1);
    expect(await moves(catalog, 'v1')).toEqual([second, first]);
    await trim(catalog, 1);
    expect([await moves(catalog, 'v1'), await moves(catalog, 'still')]).toEqual([[second], [first]]);
    await trim(catalog, 5 * year);
    expect([await moves(catalog, 'v1'), await moves(catalog, 'still')]).toEqual([[second], [first]]);
  });

  test('goes whole a year after a tag was deleted', async () => {
    await using catalog = await openTestCatalog();
    await push(catalog, 1, ['v1', 'other']);
    await push(catalog, 2, ['v1']);
    await deleteTag(catalog, await catalog.repository('a'), 'v1');
    await trim(catalog, year - 1);
    expect((await moves(catalog, 'v1')).length).toBe(3);
    await trim(catalog, 1);
    expect(await moves(catalog, 'v1')).toEqual([]);
    const third = await push(catalog, 3, ['v1']);
    await trim(catalog, 2 * year);
    expect(await moves(catalog, 'v1')).toEqual([third]);
  });

  test('goes in rounds, each of which is remembered', async () => {
    await using catalog = await openTestCatalog();
    const tags = Array.from({ length: 100 }, (_, n) => `t${n}`);
    const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
    for (let n = 0; n < 13; n++) await catalog.push('a', { ...manifest, annotations: { n: `${n}` } }, { tags });
    catalog.clock.now += year;
    expect(await trimTagHistory(catalog, year)).toBe(true);
    expect(await trimTagHistory(catalog, year)).toBe(true);
    expect(await trimTagHistory(catalog, year)).toBe(false);
    const { n } = (await catalog.db.first<{ n: number }>('SELECT count(*) AS n FROM tag_history', []))!;
    expect(n).toBe(100);
    const again = await catalog.db.first<{ passed_id: number }>('SELECT passed_id FROM tag_history_trim', []);
    expect(again!.passed_id).toBe(1300);
  });

  test('goes in its time also behind moves that a clock many years ahead has recorded', async () => {
    await using catalog = await openTestCatalog();
    const tags = Array.from({ length: 100 }, (_, n) => `t${n}`);
    const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
    const all = (n: number) => catalog.push('a', { ...manifest, annotations: { n: `${n}` } }, { tags });
    await push(catalog, 1, ['v1']);
    const count = async () => (await catalog.db.first<{ n: number }>('SELECT count(*) AS n FROM tag_history', []))!.n;
    catalog.clock.now += 70 * year;
    for (let n = 0; n < 7; n++) await all(n);
    catalog.clock.now -= 70 * year;
    const second = await push(catalog, 2, ['v1']);
    await trim(catalog, year / 2);
    expect(await count()).toBe(702);
    const third = await push(catalog, 3, ['v1']);
    await trim(catalog, year / 2);
    expect([await moves(catalog, 'v1'), await count()]).toEqual([[third, second], 102]);
    await trim(catalog, year / 2);
    expect([await moves(catalog, 'v1'), await count()]).toEqual([[third], 101]);
  });
});
