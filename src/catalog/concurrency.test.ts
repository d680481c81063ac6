import { describe, expect, test } from 'bun:test';
import { testDialect } from '../../test/support/database.ts';
import { findBlob } from '../content/index.ts';
import { readEvents, start } from '../events/index.ts';
import { type Digest, digestOf, mediaTypes } from '../oci/index.ts';
import { collectStep } from './collect.ts';
import { deleteManifest } from './delete-manifest.ts';
import { findBlobToKeep, findLinkedBlob } from './find-blob.ts';
import { findManifestFacts, findManifestToKeep } from './find-manifest.ts';
import { deleteBlob, mountBlob } from './links.ts';
import { deleteTag } from './tags.ts';
import { day, type Description, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

// Races are lost now and then only, so each is run many times. On SQLite writes follow each other, and all must hold too.
const rounds = Math.min(
  Math.ceil(Number(process.env.BONDED_TEST_RUNS ?? 100) / (testDialect() === 'sqlite' ? 20 : 4)),
  2_000,
);
const timeout = 30_000 + rounds * 400;

const open = () => openTestCatalog({ poolSize: 16 });

/** Starts all at once; tells which went through. Whatever fails must fail with an error for the client. */
async function race(...actions: (() => Promise<unknown>)[]): Promise<boolean[]> {
  const results = await Promise.allSettled(actions.map((action) => action()));
  return results.map((result) => {
    if (result.status === 'rejected' && (result.reason as Error).name !== 'RegistryError') throw result.reason;
    return result.status === 'fulfilled';
  });
}

async function image(catalog: TestCatalog, n: number | string, tags: string[] = []): Promise<Description> {
  const config = await catalog.blob('a', '{}');
  return catalog.push('a', catalog.image([config], { annotations: { n: `${n}` } }), { tags });
}

const tagged = async (catalog: TestCatalog, tag: string) =>
  (await findManifestFacts(catalog, catalog.registryId, 'a', { tag }))?.digest;

/** A link is worth something only with the live blob that it names. */
async function isReadable(catalog: TestCatalog, name: string, digest: Digest): Promise<boolean> {
  const link = await findLinkedBlob(catalog, catalog.registryId, name, digest);
  const blob = await findBlob(catalog.db, digest);
  if (link) expect(blob?.key).toBe(link.key);
  return link !== undefined;
}

/** How many PostgreSQL has seen in this database; SQLite cannot have any. */
async function deadlocks({ db }: TestCatalog): Promise<number> {
  if (db.dialect === 'sqlite') return 0;
  // The counter is reported with a delay.
  await Bun.sleep(1_500);
  const count = 'SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()';
  return (await db.first<{ n: number }>(count, []))!.n;
}

describe('at the same time', () => {
  test(
    'lesson 40: pushes to one tag leave the last one, with every move in the history',
    async () => {
      await using catalog = await open();
      await catalog.blob('a', '{}');
      for (let round = 0; round < rounds; round++) {
        const tag = `t${round % 5}`;
        await race(...Array.from({ length: 6 }, (_, n) => () => image(catalog, `${round} ${n}`, [tag, 'latest'])));
      }
      for (const tag of ['t0', 'latest']) {
        const history = await catalog.db.read
          .selectFrom('tag_history')
          .select('digest')
          .where('tag', '=', tag)
          .orderBy('id')
          .execute();
        expect(new Set(history.map(({ digest }) => digest)).size).toBe(history.length);
        expect(history.map(({ digest }) => digest)).toContain((await tagged(catalog, tag))!);
      }
      // Each move begins where another one ended: none was lost, none counted twice.
      const moves = (await readEvents(catalog.db, start, 100_000)).filter(
        ({ type, data }) => type === 'tag.moved' && data.tag === 'latest',
      );
      expect(moves).toHaveLength(rounds * 6);
      const next = new Map(moves.map(({ data }) => [data.previous, data.digest]));
      let [at, steps]: [unknown, number] = [null, 0];
      for (; next.has(at); steps++) at = next.get(at);
      expect(steps).toBe(moves.length);
      expect(at).toBe(await tagged(catalog, 'latest'));
    },
    timeout,
  );

  test(
    'pushes of one manifest store it once, and set all of their tags',
    async () => {
      await using catalog = await open();
      for (let round = 0; round < rounds; round++) {
        await catalog.blob('a', '{}');
        const done = await race(
          ...Array.from({ length: 6 }, (_, n) => () => image(catalog, round, [`r${round}n${n}`])),
        );
        expect(done).toEqual(Array.from({ length: 6 }, () => true));
      }
      expect(await catalog.count('tags')).toBe(rounds * 6);
      const events = await readEvents(catalog.db, start, 100_000);
      expect(events.filter(({ type }) => type === 'manifest.pushed')).toHaveLength(rounds);
    },
    timeout,
  );

  test(
    'deleting a manifest never takes a tag that has moved on',
    async () => {
      await using catalog = await open();
      for (let round = 0; round < rounds; round++) {
        const tags = [`a${round}`, `b${round}`];
        const old = await image(catalog, `${round} old`, tags);
        const repository = await catalog.repository('a');
        let moved: Description | undefined;
        await race(
          () => deleteManifest(catalog, repository, old.digest),
          async () => void (moved = await image(catalog, `${round} new`, tags)),
        );
        for (const tag of tags) expect(await tagged(catalog, tag)).toBe(moved!.digest);
      }
    },
    timeout,
  );

  test(
    'a manifest that is pushed again and deleted is there with its tag, or gone with it',
    async () => {
      await using catalog = await open();
      const dangling = `SELECT t.name AS name FROM tags t WHERE NOT EXISTS
        (SELECT 1 FROM manifests m WHERE m.repository_id = t.repository_id AND m.digest = t.digest)`;
      for (let round = 0; round < rounds; round++) {
        const { digest } = await image(catalog, round);
        const repository = await catalog.repository('a');
        const done = await race(
          () => image(catalog, round, [`t${round}`]),
          () => deleteManifest(catalog, repository, digest),
        );
        expect(done[0]).toBe(true);
        expect(await catalog.db.all(dangling, [])).toEqual([]);
      }
    },
    timeout,
  );

  test(
    'a push into a repository that is about to be removed is not lost with it',
    async () => {
      await using catalog = await open();
      for (let round = 0; round < rounds; round++) {
        const name = `on-its-way-out/${round}`;
        const { digest } = await catalog.blob(name, 'old');
        await deleteBlob(catalog, await catalog.repository(name), digest);
        // Marked after the delay, and due for removal some time after that.
        catalog.clock.now += day;
        await collectStep(catalog);
        catalog.clock.now += day;
        const [, pushed] = await race(
          () => collectStep(catalog),
          () => catalog.blob(name, 'new'),
        );
        expect(pushed).toBe(true);
        expect(await isReadable(catalog, name, digestOf('new'))).toBe(true);
      }
    },
    timeout,
  );

  test(
    'an index and the delete of its child are never both accepted',
    async () => {
      await using catalog = await open();
      const outcomes = new Set<string>();
      for (let round = 0; round < rounds; round++) {
        const child = await image(catalog, round);
        const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] };
        const repository = await catalog.repository('a');
        const actions = [() => catalog.push('a', index), () => deleteManifest(catalog, repository, child.digest)];
        if (round % 2) actions.reverse();
        const done = await race(...actions);
        outcomes.add((round % 2 ? done.toReversed() : done).join());
        expect(done.filter(Boolean)).toHaveLength(1);
      }
      expect([...outcomes].every((outcome) => ['true,false', 'false,true'].includes(outcome))).toBe(true);
    },
    timeout,
  );

  test(
    'a manifest and the delete of its blob are never both accepted',
    async () => {
      await using catalog = await open();
      for (let round = 0; round < rounds; round++) {
        const config = await catalog.blob('a', `config ${round}`);
        const repository = await catalog.repository('a');
        const done = await race(
          () => catalog.push('a', catalog.image([config])),
          () => deleteBlob(catalog, repository, config.digest),
        );
        expect(done.filter(Boolean)).toHaveLength(1);
        expect(await isReadable(catalog, 'a', config.digest)).toBe(done[0]!);
      }
    },
    timeout,
  );

  test(
    'lesson 48: what the collector takes was promised to nobody',
    async () => {
      await using catalog = await open();
      const { registryId } = catalog;
      for (let round = 0; round < rounds; round++) {
        const content = `layer ${round}`;
        const { digest } = await catalog.blob('a', content);
        const config = await catalog.blob('a', `{"n":${round}}`);
        catalog.clock.now += day;
        let [headed, mounted]: unknown[] = [];
        const [, , , , pushed] = await race(
          () => collectStep(catalog),
          async () => (headed = await findBlobToKeep(catalog, registryId, 'a', digest)),
          async () => (mounted = await mountBlob(catalog, registryId, 'b', digest, 'a', () => true)),
          () => catalog.blob('c', content),
          () => catalog.push('a', catalog.image([config])),
          () => collectStep(catalog),
        );
        await collectStep(catalog);
        if (headed) expect(await isReadable(catalog, 'a', digest)).toBe(true);
        expect(await isReadable(catalog, 'b', digest)).toBe(mounted as boolean);
        expect(await isReadable(catalog, 'c', digest)).toBe(true);
        expect(await isReadable(catalog, 'a', config.digest)).toBe(pushed!);
      }
    },
    timeout,
  );

  test(
    'lesson 50: a referrer that a HEAD or an index was told of is not collected under them',
    async () => {
      await using catalog = await open();
      for (let round = 0; round < rounds; round++) {
        const subject = await image(catalog, round);
        const config = await catalog.blob('a', '{}');
        const referrer = await catalog.push('a', catalog.image([config], { subject }));
        await deleteManifest(catalog, await catalog.repository('a'), subject.digest);
        catalog.clock.now += day;
        let headed: unknown;
        const index = {
          schemaVersion: 2,
          mediaType: mediaTypes.ociIndex,
          manifests: [referrer],
          annotations: { n: `${round}` },
        };
        const [, , indexed] = await race(
          () => collectStep(catalog),
          async () =>
            (headed = await findManifestToKeep(catalog, catalog.registryId, 'a', { digest: referrer.digest })),
          () => catalog.push('a', index),
        );
        const stays = await catalog.has('a', referrer.digest);
        if (headed || indexed) expect(stays).toBe(true);
      }
    },
    timeout,
  );

  test(
    'referrers that change places under two tags do not wait for each other',
    async () => {
      await using catalog = await open();
      const config = await catalog.blob('a', '{}');
      const subject = { mediaType: mediaTypes.ociManifest, digest: digestOf('subject'), size: 7 };
      const put = (n: number, tag: string) =>
        catalog.push('a', catalog.image([config], { subject, annotations: { n: `${n}` } }), { tags: [tag] });
      const before = await deadlocks(catalog);
      for (let round = 0; round < rounds; round++) {
        for (const tag of ['left', 'x']) await put(0, tag);
        for (const tag of ['right', 'y']) await put(1, tag);
        // Each is left by a tag, so both are candidates; now each push keeps one and releases the other.
        for (const tag of ['x', 'y']) await put(2, tag);
        await race(
          () => put(1, 'left'),
          () => put(0, 'right'),
        );
      }
      expect((await deadlocks(catalog)) - before).toBe(0);
    },
    timeout,
  );

  test(
    'everything at once ends without a deadlock: locks are taken in one order',
    async () => {
      await using catalog = await open();
      const { registryId } = catalog;
      const blobs = await Promise.all(['{}', 'x', 'y'].map((content) => catalog.blob('a', content)));
      const json = (n: number) => catalog.image(n % 2 ? blobs : blobs.toReversed(), { annotations: { n: `${n % 4}` } });
      const repository = await catalog.repository('a');
      const before = await deadlocks(catalog);
      const act = async (n: number): Promise<unknown> => {
        const digest = blobs[n % 3]!.digest;
        switch (n % 11) {
          case 0:
            return catalog.blob('a', ['{}', 'x', 'y'][n % 3]!);
          case 1:
            return mountBlob(catalog, registryId, 'b', digest, undefined, () => true);
          case 2:
            return deleteTag(catalog, repository, n % 2 ? 'v1' : 'v2');
          case 3: {
            const facts = await findManifestFacts(catalog, registryId, 'a', { tag: n % 2 ? 'v1' : 'v3' });
            return facts && deleteManifest(catalog, repository, facts.digest);
          }
          case 4:
            catalog.clock.now += day / 3;
            return collectStep(catalog);
          case 5:
            return deleteBlob(catalog, repository, digest);
          case 6:
            return findBlobToKeep(catalog, registryId, 'a', digest);
          case 7: {
            const child = await catalog.push('a', json(n), { tags: ['v3'] });
            return catalog.push(
              'a',
              { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] },
              { tags: ['v3', 'v1'] },
            );
          }
          default:
            return catalog.push('a', json(n), { tags: n % 2 ? ['v1', 'v2', 'v3'] : ['v3', 'v2', 'v1'] });
        }
      };
      const workers = Array.from({ length: 14 }, async (_, worker) => {
        // A linear congruential generator: the same mixture in every run, the same step nowhere twice.
        let seed = worker;
        for (let n = 0; n < rounds * 4; n++) {
          seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
          await race(() => act(Math.floor(seed / 65_536)));
        }
      });
      await Promise.all(workers);
      expect((await deadlocks(catalog)) - before).toBe(0);
    },
    timeout,
  );
});
