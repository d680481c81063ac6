import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { testDialect } from '../../test/support/database.ts';
import { mediaTypes } from '../oci/index.ts';
import { listTagHistory, restoreTag } from './tag-history.ts';
import { deleteTag } from './tags.ts';
import { openTestCatalog, type TestCatalog } from './test-catalog.double.ts';
import { trimTagHistory } from './trim-history.ts';

// Each run is some dozens of transactions.
const numRuns = Math.min(
  Math.ceil(Number(process.env['BONDED_TEST_RUNS'] ?? 40)),
  testDialect() === 'sqlite' ? 400 : 80,
);
const timeout = 30_000 + numRuns * 500;

const tags = ['v1', 'v2', 'v3'];
const contents = 3;
const ageMs = 100;

type Step =
  | { kind: 'push'; tag: string; content: number }
  | { kind: 'delete'; tag: string }
  | { kind: 'undelete'; tag: string; force: boolean }
  | { kind: 'wait'; ms: number }
  | { kind: 'trim' };

const tag = fc.constantFrom(...tags);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), tag, content: fc.nat({ max: contents - 1 }) }),
  fc.record({ kind: fc.constant('delete' as const), tag }),
  fc.record({ kind: fc.constant('undelete' as const), tag, force: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 100 }) }),
  fc.constant({ kind: 'trim' as const }),
);

interface Move {
  /** Undefined: it was removed. */
  digest: string | undefined;
  at: number;
}

/** What is to be remembered: a move until long after the next one, a removal until long after itself. */
function remembered(moves: readonly Move[], now: number): Move[] {
  return moves.filter(({ digest, at }, index) => {
    const overAt = digest === undefined ? at : (moves[index + 1]?.at ?? Infinity);
    return overAt > now - ageMs;
  });
}

/** Where undelete leads: before where it is. */
function before(moves: readonly Move[]): string | undefined {
  const now = moves.at(-1)?.digest;
  return moves.findLast(({ digest }) => digest !== undefined && digest !== now)?.digest ?? now;
}

async function run(catalog: TestCatalog, name: string, steps: readonly Step[]): Promise<void> {
  const digests: string[] = [];
  const push = async (content: number, to: string[]) => {
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [],
      annotations: { n: `${content}` },
    };
    digests[content] = (await catalog.push(name, manifest, { tags: to })).digest;
  };
  // Manifests stay: it is about tags.
  for (let content = 0; content < contents; content++) await push(content, []);
  const repository = await catalog.repository(name);
  const model = new Map<string, Move[]>(tags.map((one) => [one, []]));
  const { clock } = catalog;
  const went = (at: string, digest: string | undefined) => {
    const moves = model.get(at)!;
    if (moves.length === 0 || moves.at(-1)!.digest !== digest) moves.push({ digest, at: clock.now });
  };
  for (const now of steps) {
    if (now.kind === 'wait') clock.now += now.ms;
    else if (now.kind === 'trim') {
      while (await trimTagHistory(catalog, ageMs));
      for (const [at, moves] of model) model.set(at, remembered(moves, clock.now));
    } else if (now.kind === 'push') {
      await push(now.content, [now.tag]);
      went(now.tag, digests[now.content]);
    } else {
      const moves = model.get(now.tag)!;
      const isThere = moves.at(-1)?.digest !== undefined;
      if (now.kind === 'delete') {
        const done = await deleteTag(catalog, repository, now.tag).then(
          () => true,
          () => false,
        );
        expect(done).toBe(isThere);
        if (done) went(now.tag, undefined);
        continue;
      }
      const target = before(moves);
      const leaves = isThere && target !== moves.at(-1)!.digest;
      const expected = target === undefined ? 'MANIFEST_UNKNOWN' : leaves && !now.force ? 'CONFLICT' : 'done';
      const outcome = await restoreTag(catalog, repository, now.tag, { force: now.force }).then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
      expect(outcome).toBe(expected);
      if (outcome === 'done') went(now.tag, target);
    }
  }
  for (const [at, moves] of model) {
    const found = await listTagHistory(catalog, repository, at, { limit: 1000 });
    expect([at, found.map(({ digest, at: time }) => ({ digest: digest as string | undefined, at: time }))]).toEqual([
      at,
      moves.toReversed(),
    ]);
  }
}

test(
  'whatever happens to tags, their history has what is to be remembered and nothing else, and undelete follows it',
  async () => {
    await using catalog = await openTestCatalog();
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), async (steps) => {
        // One repository a run, all in one history: what is trimmed for the one is passed for all.
        await run(catalog, `r${runs++}`, steps);
      }),
      { numRuns },
    );
  },
  timeout,
);
