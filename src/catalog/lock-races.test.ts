import { describe, expect, test } from 'bun:test';
import { testDialect } from '../../test/support/database.ts';
import type { Repository } from './context.ts';
import { type Subject, wholeRepository } from './attributes.ts';
import { changeAttributes } from './change-attributes.ts';
import { deleteManifest } from './delete-manifest.ts';
import { deleteRepository } from './delete-repository.ts';
import { mountBlob } from './links.ts';
import { deleteTag } from './tags.ts';
import { type Description, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

/*
 * Once a lock was acknowledged nothing gets through. Races are lost now and then only, so each is run many times. On SQLite
 * writes follow each other, and all must hold too.
 */
const rounds = Math.min(
  Math.ceil(Number(process.env.BONDED_TEST_RUNS ?? 100) / (testDialect() === 'sqlite' ? 20 : 4)),
  500,
);
const timeout = 60_000 + rounds * 2_000;

const open = () => openTestCatalog({ poolSize: 16 });

/** All that a lock is about. Numbers of rows and what tags name say whether anything got through. */
async function stateOf({ db }: TestCatalog, { id }: Repository): Promise<unknown> {
  const all = (text: string) => db.all<object>(text, [id]);
  return {
    manifests: await all('SELECT digest FROM manifests WHERE repository_id = ? ORDER BY digest'),
    tags: await all('SELECT name, digest FROM tags WHERE repository_id = ? ORDER BY name'),
    links: await all('SELECT digest FROM blob_links WHERE repository_id = ? ORDER BY digest'),
  };
}

/** Does something again and again until it is refused because of a lock, or there is nothing to do it to. */
async function untilRefused(action: (n: number) => Promise<unknown>, passed: () => void): Promise<void> {
  for (let n = 0; ; n++) {
    try {
      await action(n);
      passed();
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === 'REGISTRY_DISALLOWED_OPERATION') return;
      if (!code?.endsWith('_UNKNOWN')) throw error;
      // Somebody else deleted it first.
      await new Promise(setImmediate);
    }
  }
}

/**
 * Locks while others write. Of what they did after the lock was acknowledged nothing may be there: what is then, is in the
 * end. Some get through before.
 */
async function lockDuring(
  catalog: TestCatalog,
  repository: Repository,
  subject: Subject,
  writers: ((n: number) => Promise<unknown>)[],
): Promise<void> {
  let through = 0;
  const writing = Promise.all(writers.map((writer) => untilRefused(writer, () => void through++)));
  while (through === 0) await Bun.sleep(Math.random() * 10);
  await changeAttributes(catalog, repository, subject, { writeEnabled: false }, 'somebody');
  const acknowledged = await stateOf(catalog, repository);
  await writing;
  expect(await stateOf(catalog, repository)).toEqual(acknowledged);
  await changeAttributes(catalog, repository, subject, { writeEnabled: true }, 'somebody');
}

let made = 0;
async function image(catalog: TestCatalog, tags: string[] = []): Promise<Description> {
  const config = await catalog.blob('a', '{}');
  return catalog.push('a', catalog.image([config], { annotations: { n: `${made++}` } }), { tags });
}

/** How many PostgreSQL has seen in this database; SQLite cannot have any. */
async function deadlocks({ db }: TestCatalog): Promise<number> {
  if (db.dialect === 'sqlite') return 0;
  // The counter is reported with a delay.
  await Bun.sleep(1_500);
  const count = 'SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()';
  return (await db.first<{ n: number }>(count, []))!.n;
}

describe('a lock that was acknowledged', () => {
  test(
    'of a repository lets no push, no upload, no mount and no deletion through',
    async () => {
      await using catalog = await open();
      const mounted = await catalog.blob('source', 'mounted');
      await image(catalog, ['v1']);
      const repository = await catalog.repository('a');
      for (let round = 0; round < rounds; round++) {
        const writers = [
          ...Array.from({ length: 4 }, (_, n) => () => image(catalog, [`t${n}`])),
          (n: number) => catalog.blob('a', `upload ${round} ${n}`),
          () => mountBlob(catalog, catalog.registryId, 'a', mounted.digest, 'source', () => true),
          () => deleteTag(catalog, repository, 't1'),
          async () => deleteManifest(catalog, repository, (await image(catalog)).digest),
        ];
        await lockDuring(catalog, repository, wholeRepository, writers);
      }
      expect(await deadlocks(catalog)).toBe(0);
    },
    timeout,
  );

  test(
    'of a tag lets nobody move it, delete it, or delete what it names',
    async () => {
      await using catalog = await open();
      await image(catalog, ['v1']);
      const repository = await catalog.repository('a');
      for (let round = 0; round < rounds; round++) {
        const { digest } = await image(catalog, ['v1']);
        const deleting = [
          () => deleteManifest(catalog, repository, digest).then(() => image(catalog, ['v1'])),
          () => deleteTag(catalog, repository, 'v1').then(() => image(catalog, ['v1'])),
        ];
        const moving = () => image(catalog, ['v1']);
        const subject = { kind: 'tag', name: 'v1' } as const;
        const locked = changeAttributes(catalog, repository, subject, { writeEnabled: false }, 'somebody').then(
          async () => {
            const read = 'SELECT digest FROM tags WHERE repository_id = ? AND name = ?';
            return catalog.db.first<{ digest: string }>(read, [repository.id, 'v1']);
          },
          () => undefined,
        );
        const others = await Promise.allSettled([
          moving(),
          round % 2 === 0 ? deleting[0]!() : deleting[1]!(),
          moving(),
        ]);
        for (const other of others)
          if (other.status === 'rejected') expect((other.reason as Error).name).toBe('RegistryError');
        const then = await locked;
        if (!then) continue;
        const read = 'SELECT digest FROM tags WHERE repository_id = ? AND name = ?';
        expect(await catalog.db.first(read, [repository.id, 'v1'])).toEqual(then);
        expect(await catalog.has('a', then.digest as Description['digest'])).toBe(true);
        await changeAttributes(catalog, repository, subject, { writeEnabled: true }, 'somebody');
      }
      expect(await deadlocks(catalog)).toBe(0);
    },
    timeout,
  );

  test.each(['tag', 'manifest'] as const)(
    'of a %s keeps its repository from being deleted, or comes too late',
    async (kind) => {
      await using catalog = await open();
      for (let round = 0; round < rounds; round++) {
        const { digest } = await image(catalog, ['v1']);
        const repository = await catalog.repository('a');
        const subject = { kind, name: kind === 'tag' ? 'v1' : digest };
        const [locked, deleted] = await Promise.allSettled([
          changeAttributes(catalog, repository, subject, { deleteEnabled: false }, 'somebody'),
          deleteRepository(catalog, repository),
        ]);
        expect([locked.status, deleted.status].toSorted()).toEqual(['fulfilled', 'rejected']);
        const failed = locked.status === 'rejected' ? locked : (deleted as PromiseRejectedResult);
        const code = locked.status === 'rejected' ? 'NAME_UNKNOWN' : 'REGISTRY_DISALLOWED_OPERATION';
        expect(failed.reason).toMatchObject({ code });
        expect(await catalog.has('a', digest)).toBe(locked.status === 'fulfilled');
        if (locked.status === 'fulfilled')
          await changeAttributes(catalog, repository, subject, { deleteEnabled: true }, 'somebody');
      }
      expect(await deadlocks(catalog)).toBe(0);
    },
    timeout,
  );
});
