import { describe, expect, test } from 'bun:test';
import type { Database, Parameter } from '../database/index.ts';
import { type Digest, digestOf, fallbackTag, mediaTypes } from '../oci/index.ts';
import { listReferrers } from './referrers.ts';
import { type Description, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

const subject = { digest: digestOf('subject'), size: 7, mediaType: mediaTypes.ociManifest };
const whole = 4_194_304;

async function list(
  catalog: TestCatalog,
  of: Digest,
  options: { artifactType?: string; last?: string; maxBytes?: number } = {},
) {
  const { artifactType, last = '', maxBytes = whole } = options;
  return listReferrers(catalog, await catalog.repository('a'), of, { artifactType, last, maxBytes });
}

async function digests(catalog: TestCatalog, of: Digest, options = {}): Promise<string[]> {
  return (await list(catalog, of, options)).referrers.map(({ digest }) => digest);
}

const sorted = (descriptions: Description[]) => descriptions.map(({ digest }) => digest).toSorted();

/** A referrer of `subject`, made unique by `n`. */
async function refer(catalog: TestCatalog, n: number, more: object = {}): Promise<Description> {
  const config = await catalog.blob('a', '{}', 'application/vnd.example.signature');
  return catalog.push('a', catalog.image([config], { subject, annotations: { n: `${n}` }, ...more }));
}

describe('referrers', () => {
  test('lesson 43: are those of the subject, whether or not it exists, in the order of digests', async () => {
    await using catalog = await openTestCatalog();
    const referrers = [await refer(catalog, 1), await refer(catalog, 2), await refer(catalog, 3)];
    await refer(catalog, 4, { subject: { ...subject, digest: digestOf('another') } });
    expect(await digests(catalog, subject.digest)).toEqual(sorted(referrers));
    expect(await digests(catalog, digestOf('nothing'))).toEqual([]);
  });

  test('lesson 44: carry artifact type and annotations, and the type filters', async () => {
    await using catalog = await openTestCatalog();
    const image = await refer(catalog, 1);
    const typed = await refer(catalog, 2, { artifactType: 'application/vnd.example.sbom' });
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [image], subject };
    const { digest } = await catalog.push('a', index);
    const { referrers } = await list(catalog, subject.digest);
    expect(referrers.toSorted((a, b) => a.size - b.size)).toEqual(
      [
        { ...image, artifactType: 'application/vnd.example.signature', annotations: { n: '1' } },
        { ...typed, artifactType: 'application/vnd.example.sbom', annotations: { n: '2' } },
        { digest, size: JSON.stringify(index).length, mediaType: mediaTypes.ociIndex },
      ].toSorted((a, b) => a.size - b.size),
    );
    expect(await digests(catalog, subject.digest, { artifactType: 'application/vnd.example.sbom' })).toEqual([
      typed.digest,
    ]);
    expect(await digests(catalog, subject.digest, { artifactType: 'application/none' })).toEqual([]);
    for (const artifactType of ['application/none\0', '\0'])
      expect(await digests(catalog, subject.digest, { artifactType })).toEqual([]);
  });

  test('that are many let others be served while they are listed', async () => {
    await using catalog = await openTestCatalog();
    await refer(catalog, 0);
    const { id: repository_id, registryId: registry_id } = await catalog.repository('a');
    const row = { registry_id, repository_id, media_type: 'x', kind: 'image', size: 1, pushed_at: 0 };
    const rows = Array.from({ length: 900 }, (_, at) => ({
      ...row,
      digest: digestOf(`${at}`),
      artifact_type: null,
      subject_digest: subject.digest,
      annotations: null,
      bytes: new Uint8Array(),
    }));
    await catalog.db.write((tx) => tx.insertInto('manifests').values(rows).execute());
    let turns = 0;
    const turn = () => {
      turns++;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    try {
      expect((await list(catalog, subject.digest)).referrers).toHaveLength(901);
    } finally {
      clearImmediate(next);
    }
    expect(turns).toBeGreaterThan(2);
  });

  test('are those of one repository', async () => {
    await using catalog = await openTestCatalog();
    const other = await catalog.registry('other');
    const { digest } = await refer(catalog, 1);
    await refer(other, 2);
    expect(await digests(catalog, subject.digest)).toEqual([digest]);
  });

  test('lesson 45: what a fallback tag lists without a subject is merged, each once, and only what is here', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}', 'application/vnd.example.old');
    const known = await refer(catalog, 1);
    const old = await catalog.push('a', catalog.image([config]));
    const foreign = await refer(catalog, 2, { subject: { ...subject, digest: digestOf('another') } });
    const absent = { ...old, digest: digestOf('deleted since') };
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [old, known, foreign, old] };
    await catalog.push('a', index, { tags: [fallbackTag(subject.digest)] });
    expect(await digests(catalog, subject.digest)).toEqual(sorted([known, old]));
    expect(await digests(catalog, subject.digest, { artifactType: 'application/vnd.example.old' })).toEqual([
      old.digest,
    ]);
    await using sparse = await openTestCatalog({ sparseIndexes: true });
    await sparse.push('a', { ...index, manifests: [absent] }, { tags: [fallbackTag(subject.digest)] });
    expect(await digests(sparse, subject.digest)).toEqual([]);
  });

  test('lesson 45: a fallback tag on something else than an index is no list', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    await catalog.push('a', catalog.image([config]), { tags: [fallbackTag(subject.digest)] });
    expect(await digests(catalog, subject.digest)).toEqual([]);
  });

  test('lesson 41: manifests that list each other under fallback tags, or themselves, end', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const [a, b] = [
      await catalog.push('a', catalog.image([config])),
      await catalog.push('a', catalog.image([config, config])),
    ];
    for (const [of, listed] of [
      [a, [a, b]],
      [b, [b, a]],
    ] as const) {
      const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: listed };
      await catalog.push('a', index, { tags: [fallbackTag(of.digest)] });
    }
    expect(await digests(catalog, a.digest)).toEqual([b.digest]);
    expect(await digests(catalog, b.digest)).toEqual([a.digest]);
  });

  test('lesson 43: a page ends before its limit of bytes, and the pages together are everything', async () => {
    await using catalog = await openTestCatalog();
    const referrers: Description[] = [];
    for (let n = 0; n < 30; n++) referrers.push(await refer(catalog, n, { annotations: { text: 'é'.repeat(n * 40) } }));
    for (const maxBytes of [1, 700, 3_000, whole]) {
      const all: string[] = [];
      for (let more = true; more;) {
        const page = await list(catalog, subject.digest, { maxBytes, last: all.at(-1) ?? '' });
        const bytes = Buffer.byteLength(JSON.stringify(page.referrers));
        if (page.referrers.length > 1) expect(bytes).toBeLessThanOrEqual(maxBytes + 1);
        expect(page.referrers.length).toBeGreaterThan(0);
        all.push(...page.referrers.map(({ digest }) => digest));
        more = page.more;
      }
      expect(all).toEqual(sorted(referrers));
    }
  });

  test('lesson 46: 10,000 of them are listed in bounded memory, those with long annotations too', async () => {
    await using catalog = await openTestCatalog();
    await refer(catalog, 0);
    const { id } = await catalog.repository('a');
    const row = {
      registry_id: catalog.registryId,
      repository_id: id,
      media_type: mediaTypes.ociManifest,
      kind: 'image',
      size: 9,
    };
    const long = JSON.stringify({ text: 'x'.repeat(1_000_000) });
    for (let from = 0; from < 10_000; from += 500) {
      await catalog.db.write(async (tx) => {
        const rows = Array.from({ length: 500 }, (_, at) => ({
          ...row,
          digest: digestOf(`${from + at}`),
          artifact_type: 'application/vnd.example',
          subject_digest: subject.digest,
          annotations: at < 5 ? long : null,
          pushed_at: 0,
          bytes: new Uint8Array(),
        }));
        await tx.insertInto('manifests').values(rows).execute();
      });
    }
    // Memory depends on how many rows are held at once, and on how long each of them is.
    let [mostRows, longest] = [0, 0];
    const db: Database = {
      ...catalog.db,
      async all<T>(sql: string, parameters: readonly Parameter[]) {
        const rows = await catalog.db.all<T>(sql, parameters);
        mostRows = Math.max(mostRows, rows.length);
        longest = Math.max(longest, ...rows.map((one) => JSON.stringify(one).length));
        return rows;
      },
    };
    let [count, pages, last] = [0, 0, ''];
    for (let more = true; more; pages++) {
      const options = { artifactType: undefined, last, maxBytes: whole };
      const page = await listReferrers({ ...catalog, db }, await catalog.repository('a'), subject.digest, options);
      expect(JSON.stringify(page.referrers).length).toBeLessThan(whole);
      count += page.referrers.length;
      last = page.referrers.at(-1)!.digest;
      more = page.more;
    }
    expect(count).toBe(10_001);
    // 100 of them have a megabyte: four fit a page.
    expect(pages).toBeWithin(20, 60);
    expect(mostRows).toBe(200);
    expect(longest).toBeLessThan(20_000);
  });
});
