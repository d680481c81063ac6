import { type Database, listsOf, type LookUps, type Parameter, rowsOf } from '../database/index.ts';
import { lockClock, tellClock } from './clock.ts';
import { beginRun, requireRun } from './feed-rows.ts';
import { importRefused } from './import-error.ts';
import { componentsOf } from './kev.ts';
import { markChanged } from './rematch.ts';
import './tables.ts';

/** Of the scores, packed and unpacked; the real ones have 2 and 10 MiB (bytes). */
export const epssBytes = { packed: 64 * 1024 * 1024, unpacked: 512 * 1024 * 1024 };
/** FIRST gives the scores to everybody, and asks to be named. */
export const epssFeed = { id: 'epss', licence: 'LicenseRef-FIRST-EPSS' } as const;
const mostScores = 2_000_000;
const longestLine = 1024;
/** Scores have five digits. */
const scale = 100_000;
/** By how much a score must have moved for what it concerns to be looked at again: a hundredth. */
const notable = scale / 100;
const batchScores = 512;

export interface Score {
  cve: string;
  /** From 0 to 1. */
  probability: number;
  percentile: number;
}

/** Reads the scores of EPSS: CSV with a comment that says of which day, then `cve,epss,percentile`. */
export async function* readEpss(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Score> {
  const decoder = new TextDecoder();
  let rest = '';
  let count = 0;
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    if (rest.length > longestLine)
      throw importRefused('the scores hold a line that is too long: they are no CSV of EPSS');
    for (const line of lines) {
      const score = scoreOf(line);
      if (!score) continue;
      if (++count > mostScores) throw importRefused(`there are more than ${mostScores} scores`);
      yield score;
    }
  }
  const last = scoreOf(rest);
  if (last) yield last;
  else if (count === 0) throw importRefused('it holds no scores: it is no CSV of EPSS');
}

function scoreOf(line: string): Score | undefined {
  const parts = /^(CVE-[0-9]{4}-[0-9]{4,12}),([0-9.eE-]{1,24}),([0-9.eE-]{1,24})\s*$/.exec(line);
  const [probability, percentile] = [Number(parts?.[2]), Number(parts?.[3])];
  const isScore = probability >= 0 && probability <= 1 && percentile >= 0 && percentile <= 1;
  return parts && isScore ? { cve: parts[1]!, probability, percentile } : undefined;
}

/**
 * Stores scores, some at a time; those that are missing stay, as EPSS forgets none. Components are told to be looked at again
 * where one has moved by a hundredth since they were told last: most move by less each day.
 */
export async function storeEpss(
  db: Database,
  part: string,
  scores: AsyncIterable<Score>,
  rest: () => Promise<void>,
): Promise<{ records: number; run: number }> {
  const run = await beginRun(db, part, { whole: true });
  let batch = new Map<string, Score>();
  let count = 0;
  const write = async () => {
    if (batch.size > 0) await storeBatch(db, { part, run }, [...batch.values()]);
    batch = new Map();
    await rest();
  };
  for await (const score of scores) {
    count++;
    batch.set(score.cve, score);
    if (batch.size === batchScores) await write();
  }
  await write();
  await db.change('UPDATE advisory_feeds SET records = ? WHERE id = ? AND run = ? RETURNING id', [count, part, run]);
  return { records: count, run };
}

interface ScoreRow {
  cve: string;
  probability: number;
  percentile: number;
  told: number;
}

async function storeBatch(
  db: Database,
  { part, run }: { part: string; run: number },
  scores: readonly Score[],
): Promise<void> {
  const known = new Map(
    (
      await scoreRows(
        db,
        scores.map(({ cve }) => cve),
      )
    ).map((row) => [row.cve, row]),
  );
  const moved: string[] = [];
  const changed: Parameter[][] = [];
  for (const { cve, probability, percentile } of scores) {
    const row = known.get(cve);
    const now = Math.round(probability * scale);
    // To two digits it says the same for days.
    const place = Math.round(percentile * 100) * (scale / 100);
    if (row?.probability === now && row.percentile === place) continue;
    const isNotable = Math.abs(now - (row?.told ?? 0)) >= notable;
    if (isNotable) moved.push(cve);
    changed.push([cve, now, place, isNotable ? now : (row?.told ?? 0)]);
  }
  if (changed.length === 0) return;
  await db.write(async (tx) => {
    const revision = await lockClock(tx);
    await requireRun(tx, part, run);
    for (const { rows, values } of rowsOf(changed)) {
      tx.send(
        `INSERT INTO exploit_predictions (cve, probability, percentile, told) VALUES ${rows} ON CONFLICT (cve) DO UPDATE
          SET probability = excluded.probability, percentile = excluded.percentile, told = excluded.told`,
        values,
      );
    }
    // A revision of its own also where nobody is told of it: it is something new.
    const last = markChanged(tx, revision, await componentsOf(tx, moved));
    tx.send('UPDATE advisory_feeds SET revision = ? WHERE id = ?', [last, part]);
    tellClock(tx, last);
  });
}

async function scoreRows(db: LookUps, cves: readonly string[]): Promise<ScoreRow[]> {
  const found = listsOf(cves).map(({ list, values }) =>
    db.all<ScoreRow>(
      `SELECT cve, probability, percentile, told FROM exploit_predictions WHERE cve IN (${list})`,
      values,
    ),
  );
  return (await Promise.all(found)).flat();
}

/** What EPSS says of some CVEs. */
export async function predictionsOf(
  db: LookUps,
  cves: readonly string[],
): Promise<Map<string, { probability: number; percentile: number }>> {
  const rows = await scoreRows(db, cves);
  return new Map(
    rows.map(({ cve, probability, percentile }) => [
      cve,
      { probability: probability / scale, percentile: percentile / scale },
    ]),
  );
}
