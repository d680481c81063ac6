import { type Database, listsOf, type Parameter, rowsOf } from '../database/index.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

/** Moves that one round looks at. */
const atOnce = 500;
/** Of those behind them that say how old they are. */
const looksFarAhead = 10_000;

const typedRow = '(CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT))';

interface Move {
  id: number;
  repository_id: number;
  tag: string;
  digest: string | null;
  at: number;
}

/**
 * One round of forgetting moves of tags that are over for longer than `ageMs`. A move is over when the next one of its tag
 * came, a removal at once. So each move that is old enough is looked at once: what it ended goes, and it goes itself if it
 * was a removal. Where a tag is now never goes, however long ago it went there. True when there may be more to do at once.
 */
export async function trimTagHistory({ db, now }: Catalog, ageMs: number): Promise<boolean> {
  const trimmed = await db.first<{ passed_id: number }>(
    'SELECT passed_id FROM tag_history_trim WHERE registry_id = 0',
    [],
  );
  const rows = await db.all<Move>(
    `SELECT id, repository_id, tag, digest, at FROM tag_history WHERE id > ? ORDER BY id LIMIT ${atOnce}`,
    [trimmed?.passed_id ?? 0],
  );
  const old = await oldOf(db, rows, { now: now(), ageMs });
  const passed = old.at(-1)?.id;
  if (passed === undefined) return false;
  const over = [...(await formerOf(db, old)), ...old.filter(({ digest }) => digest === null).map(({ id }) => id)];
  await db.write(
    async (tx) => {
      for (const { list, values } of listsOf(over)) tx.send(`DELETE FROM tag_history WHERE id IN (${list})`, values);
      await tx.run(
        `INSERT INTO tag_history_trim (registry_id, passed_id) VALUES (0, ?)
          ON CONFLICT (registry_id) DO UPDATE SET passed_id = excluded.passed_id`,
        [passed],
      );
    },
    // What comes back after a power cut is looked at again.
    { durable: false },
  );
  return old.length === atOnce;
}

/**
 * Those of some moves that are old enough. They come in the order of their numbers, which is that of their times but for clocks
 * that are wrong: a move at a time to come is as old as the next one that is not, and keeps no other.
 */
async function oldOf(
  db: Database,
  moves: readonly Move[],
  { now, ageMs }: { now: number; ageMs: number },
): Promise<readonly Move[]> {
  const isOld = ({ at }: { at: number }) => at <= now - ageMs;
  const young = moves.findIndex((move) => !isOld(move) && move.at <= now);
  const before = young < 0 ? moves : moves.slice(0, young);
  const last = before.at(-1);
  if (!last || isOld(last)) return before;
  const next =
    young < 0 &&
    (await db.first<{ at: number }>(
      `SELECT at FROM (SELECT id, at FROM tag_history WHERE id > ? ORDER BY id LIMIT ${looksFarAhead}) AS h
        WHERE at <= ? ORDER BY id LIMIT 1`,
      [last.id, now],
    ));
  return next && isOld(next) ? before : before.slice(0, before.findLastIndex(isOld) + 1);
}

/** The moves that these ended. */
async function formerOf(db: Database, moves: readonly Move[]): Promise<number[]> {
  const all = moves.map(({ id, repository_id, tag }) => [repository_id, tag, id]);
  const found = rowsOf<Parameter>(all).map(({ rows, values }) =>
    db.all<{ former: number | null }>(
      `SELECT (SELECT p.id FROM tag_history p WHERE p.repository_id = v.column1 AND p.tag = v.column2 AND p.id < v.column3
          ORDER BY p.id DESC LIMIT 1) AS former FROM (VALUES ${rows.replace('(?, ?, ?)', typedRow)}) AS v`,
      values,
    ),
  );
  return (await Promise.all(found)).flat().flatMap(({ former }) => former ?? []);
}
