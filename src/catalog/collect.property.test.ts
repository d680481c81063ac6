import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { testDialect } from '../../test/support/database.ts';
import { sweepDeleted } from '../content/index.ts';
import { checkHistory } from './gc-check.double.ts';
import { collectStep } from './collect.ts';
import { findLinkedBlob } from './find-blob.ts';
import { type Command, type Parts, soundParts } from './gc-history.double.ts';
import { delay, retention } from './gc-model.double.ts';
import { contents, places, tagNames, variants } from './gc-universe.double.ts';
import { openWorld, type World } from './gc-world.double.ts';

const histories = Number(process.env.BONDED_TEST_RUNS ?? 150);
const explorers = 3;

const place = fc.nat(places.length - 1);
const blob = fc.nat(contents.length - 1);
const manifest = fc.nat(variants.length - 1);
const tags = fc.uniqueArray(fc.constantFrom(...tagNames), { maxLength: 2 });

/** Pushes all that a manifest needs, and then it, as a client does. */
function publish(at: number, where: number, names: string[]): Command[] {
  const { required, children } = variants[at]!;
  return [
    ...required.map((needed): Command => ({ do: 'push', place: where, blob: needed })),
    ...children.flatMap((child) => publish(child, where, [])),
    { do: 'put', place: where, manifest: at, tags: names },
  ];
}

/** Asks for all that a manifest needs, and pushes it half a delay later without having uploaded anything. */
function hesitate(at: number, where: number): Command[] {
  const { required, children } = variants[at]!;
  return [
    ...required.map((needed): Command => ({ do: 'headBlob', place: where, blob: needed })),
    ...children.map((child): Command => ({ do: 'headManifest', place: where, manifest: child })),
    { do: 'wait', ms: delay / 2 },
    { do: 'collect', limit: 1_000 },
    { do: 'put', place: where, manifest: at, tags: [] },
  ];
}

/** Deletes two that may share content, purges one of them, and collects. */
function part([one, other]: [number, number], where: number): Command[] {
  return [
    ...publish(one, where, []),
    ...publish(other, where, []),
    { do: 'deleteManifest', place: where, manifest: one },
    { do: 'deleteManifest', place: where, manifest: other },
    { do: 'purge', place: where, manifest: one },
    { do: 'wait', ms: delay },
    { do: 'collect', limit: 1_000 },
  ];
}

const single = (command: fc.Arbitrary<Command>) => command.map((one) => [one]);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(manifest, place, tags).map((chosen) => publish(...chosen)) },
  { weight: 4, arbitrary: fc.tuple(manifest, place).map((chosen) => hesitate(...chosen)) },
  { weight: 3, arbitrary: single(fc.record({ do: fc.constant('push' as const), place, blob })) },
  { weight: 2, arbitrary: single(fc.record({ do: fc.constant('begin' as const), place, blob })) },
  {
    weight: 2,
    arbitrary: single(fc.record({ do: fc.constantFrom('finish' as const, 'cancel' as const), session: fc.nat(9) })),
  },
  {
    weight: 3,
    arbitrary: single(
      fc.record({ do: fc.constant('mount' as const), place, from: fc.constantFrom(undefined, 'a', 'b/c'), blob }),
    ),
  },
  { weight: 3, arbitrary: single(fc.record({ do: fc.constant('headBlob' as const), place, blob })) },
  { weight: 2, arbitrary: single(fc.record({ do: fc.constant('headManifest' as const), place, manifest })) },
  { weight: 3, arbitrary: single(fc.record({ do: fc.constant('put' as const), place, manifest, tags })) },
  {
    weight: 2,
    arbitrary: single(fc.record({ do: fc.constant('deleteTag' as const), place, tag: fc.constantFrom(...tagNames) })),
  },
  { weight: 5, arbitrary: single(fc.record({ do: fc.constant('deleteManifest' as const), place, manifest })) },
  { weight: 2, arbitrary: single(fc.record({ do: fc.constant('deleteBlob' as const), place, blob })) },
  {
    weight: 6,
    arbitrary: single(fc.record({ do: fc.constant('collect' as const), limit: fc.constantFrom(1, 3, 1_000, 1_000) })),
  },
  { weight: 2, arbitrary: single(fc.record({ do: fc.constantFrom('sweep' as const, 'sweepUploads' as const) })) },
  {
    weight: 6,
    arbitrary: single(
      fc.record({
        do: fc.constant('wait' as const),
        ms: fc.constantFrom(1_000, delay / 2, delay - 1, delay, delay + 700_000),
      }),
    ),
  },
);

const tag = fc.option(fc.constantFrom(...tagNames), { nil: undefined });
/** The same where what is deleted is kept. */
const keepingStep = fc.oneof(
  { weight: 4, arbitrary: step },
  { weight: 1, arbitrary: fc.tuple(fc.tuple(manifest, manifest), place).map((chosen) => part(...chosen)) },
  {
    weight: 1,
    arbitrary: single(fc.record({ do: fc.constant('restore' as const), place, manifest, tag, force: fc.boolean() })),
  },
  { weight: 1, arbitrary: single(fc.constantFrom({ do: 'expire' as const }, { do: 'wait' as const, ms: delay })) },
  {
    weight: 1,
    arbitrary: single(fc.record({ do: fc.constantFrom('purge' as const, 'deleteManifest' as const), place, manifest })),
  },
);

/** A third of the steps are cut short by a crash, somewhere. */
const crash = fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(12) });
const historyOf = (one: fc.Arbitrary<Command[]>) =>
  fc
    .array(fc.tuple(one, crash, fc.nat()), { minLength: 4, maxLength: 24, size: 'max' })
    .map((steps) =>
      steps.flatMap(([commands, crashAt, which]) =>
        commands.map((command, at) => (at === which % commands.length ? { ...command, crashAt } : command)),
      ),
    );

/**
 * Runs histories one after the other in one world, which each of them leaves empty. A failed one makes place for a new
 * world, and so does a world that has many directories by now, because looking for leaks walks them all.
 */
async function explore(parts: Parts, numRuns: number, keeps = false) {
  let world: World | undefined;
  let runs = 0;
  const check = async (commands: Command[]) => {
    world ??= await openWorld(keeps);
    let sound = false;
    try {
      await checkHistory(world, parts, commands);
      sound = true;
    } finally {
      if (!sound || ++runs % 20 === 0) {
        await world[Symbol.asyncDispose]();
        world = undefined;
      }
    }
  };
  try {
    return await fc.check(fc.asyncProperty(historyOf(keeps ? keepingStep : step), check), {
      numRuns,
      endOnFailure: parts !== soundParts,
    });
  } finally {
    await world?.[Symbol.asyncDispose]();
  }
}

describe('garbage collection', () => {
  // What survives a power cut is not asked here, so the disk need not be waited for.
  const { TMPDIR } = process.env;
  beforeAll(() => {
    if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';
  });
  afterAll(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });

  test(
    'whatever is pushed, deleted, collected and cut short: nothing is lost, and in the end nothing is left over',
    async () => {
      // Several at a time, because each waits for the disk much of its time.
      const share = Math.ceil(histories / explorers / 2);
      const results = await Promise.all(Array.from({ length: explorers }, () => explore(soundParts, share)));
      for (const result of results) {
        if (result.failed) throw new Error(fc.defaultReportMessage(result), { cause: result.errorInstance });
      }
    },
    120_000 + histories * 1500,
  );

  test(
    'where what is deleted is kept, restored and purged: nothing that is needed is lost, and in the end nothing is left',
    async () => {
      const share = Math.ceil(histories / explorers / 2);
      const results = await Promise.all(Array.from({ length: explorers }, () => explore(soundParts, share, true)));
      for (const result of results) {
        if (result.failed) throw new Error(fc.defaultReportMessage(result), { cause: result.errorInstance });
      }
    },
    120_000 + histories * 1500,
  );

  const keepingFaults: Record<string, Partial<Parts>> = {
    'a collector that does not ask for what is kept': {
      async collect({ catalog }, limit) {
        const rows = await catalog.db.all<{ digest: string }>('SELECT * FROM deleted_references', []);
        await catalog.db.write((tx) => tx.run('DELETE FROM deleted_references', []));
        const done = await collectStep(catalog, limit);
        await catalog.db.write(async (tx) => {
          for (const row of rows)
            await tx
              .insertInto('deleted_references')
              .values(row as never)
              .execute();
        });
        return done;
      },
    },
    'a purge that leaves what it held': {
      expire: ({ catalog }) =>
        catalog.db.write(async (tx) => {
          const until = catalog.now() - retention;
          await tx.deleteFrom('deleted_manifests').where('deleted_at', '<=', until).execute();
        }),
    },
  };

  for (const [name, parts] of testDialect() === 'sqlite' ? Object.entries(keepingFaults) : []) {
    test(`the histories find ${name}`, async () => {
      expect((await explore({ ...soundParts, ...parts }, 1_000, true)).failed).toBe(true);
    }, 600_000);
  }

  const faults: Record<string, Partial<Parts>> = {
    'a delay that pushes do not get': {
      pushing: (life) => ({ ...life, catalog: { ...life.catalog, gcDelayMs: 0 } }),
    },
    'a HEAD that keeps nothing': { headBlob: findLinkedBlob },
    'a collector that takes what a manifest names': {
      async collect(life, limit) {
        await life.catalog.db.write(async (tx) => {
          const { now } = life.catalog;
          const due = await tx
            .selectFrom('gc_candidates')
            .selectAll()
            .where('not_before', '<=', now())
            .where('kind', '=', 'link')
            .execute();
          for (const { repository_id, digest } of due) {
            await tx
              .deleteFrom('blob_links')
              .where('repository_id', '=', repository_id)
              .where('digest', '=', digest)
              .execute();
          }
        });
        return collectStep(life.catalog, limit);
      },
    },
    'a collector that forgets candidates': {
      async collect(life, limit) {
        const { now } = life.catalog;
        await life.catalog.db.write((tx) =>
          tx.deleteFrom('gc_candidates').where('not_before', '<=', now()).where('kind', '!=', 'link').execute(),
        );
        return collectStep(life.catalog, limit);
      },
    },
    'a sweep that forgets before it removes': {
      async sweep({ catalog, store }, limit) {
        const rows = await catalog.db.read
          .selectFrom('blobs')
          .select(['id', 'key'])
          .where('deleting', '=', 1)
          .limit(limit)
          .execute();
        const ids = rows.map(({ id }) => id);
        if (ids.length > 0) await catalog.db.write((tx) => tx.deleteFrom('blobs').where('id', 'in', ids).execute());
        await store.remove(rows.map(({ key }) => key));
      },
    },
    'a sweep that takes one object too many': {
      async sweep({ catalog, store }, limit) {
        await sweepDeleted(catalog.db, store, limit);
        const row = await catalog.db.first<{ key: string }>('SELECT "key" FROM blobs ORDER BY id LIMIT 1', []);
        if (row) await store.remove([row.key]);
      },
    },
  };

  // What histories find does not depend on the database, and may take hundreds of them.
  for (const [name, parts] of testDialect() === 'sqlite' ? Object.entries(faults) : []) {
    test(`the histories find ${name}`, async () => {
      expect((await explore({ ...soundParts, ...parts }, 1_000)).failed).toBe(true);
    }, 600_000);
  }
});
