import { type Database, listsOf, unpackJson } from '../../database/index.ts';
import type { Digest } from '../../oci/index.ts';
import { turn } from '../turn.ts';
import type { EngineFinding, EngineScanner } from './engine.ts';
import './tables.ts';

/** What engines have said of an image. */
export interface SaidByEngines {
  reports: { engine: string; findings: EngineFinding[] }[];
  /** Which reports these are: another text where one of them is another. '' where there is none. */
  mark: string;
}

/** What engines say of images now, in the order of their names; of each of these scans. */
export async function saidAbout(db: Database, scanIds: readonly number[]): Promise<Map<number, SaidByEngines>> {
  const found = listsOf(scanIds).map(({ list, values }) =>
    db.all<Said & { id: number; body: Uint8Array<ArrayBuffer> | null }>(
      `SELECT scan_id AS id, engine, version, body FROM engine_scans WHERE scan_id IN (${list}) ORDER BY scan_id, engine`,
      values,
    ),
  );
  const rows = (await Promise.all(found)).flat();
  const byScan = Map.groupBy(
    rows.flatMap(({ body, ...row }) => (body === null ? [] : [{ ...row, body }])),
    ({ id }) => id,
  );
  const all = new Map<number, SaidByEngines>();
  for (const id of scanIds) {
    const said = byScan.get(id) ?? [];
    const reports: SaidByEngines['reports'] = [];
    for (const { engine, body } of said) {
      reports.push({ engine, findings: unpackJson<EngineFinding[]>(body) });
      await turn();
    }
    all.set(id, { reports, mark: markOf(said) });
  }
  return all;
}

interface Said {
  engine: string;
  version: number;
}

/** Whether the findings of an image have in them what engines have said last; also where there are none to be had. */
export async function areEvaluated(db: Database, scanId: number): Promise<boolean> {
  const [said, found] = await Promise.all([
    db.all<Said>('SELECT engine, version FROM engine_scans WHERE scan_id = ? AND version > 0 ORDER BY engine', [
      scanId,
    ]),
    db.first<{ engines: string }>('SELECT engines FROM image_findings WHERE scan_id = ?', [scanId]),
  ]);
  return found === undefined || found.engines === markOf(said);
}

const markOf = (said: readonly Said[]): string => said.map(({ engine, version }) => `${engine}:${version}`).join(' ');

/** How far an engine is with an image. */
export interface EngineState {
  engine: string;
  state: 'queued' | 'running' | 'done' | 'failed';
  requestedAt: number;
  endedAt: number | null;
  attempts: number;
  error: string | null;
  about: { scanner: EngineScanner; findings: number; isCut: boolean } | undefined;
}

/** What each engine that was asked about an image has to say, and since when (ms). */
export async function engineStates(db: Database, scanId: number): Promise<EngineState[]> {
  const rows = await db.all<Omit<EngineState, 'about'> & { about: string | null }>(
    `SELECT engine, state, requested_at AS "requestedAt", ended_at AS "endedAt", attempts, error, about
      FROM engine_scans WHERE scan_id = ? ORDER BY engine`,
    [scanId],
  );
  return rows.map(({ about, ...row }) => ({
    ...row,
    about: about === null ? undefined : (JSON.parse(about) as EngineState['about']),
  }));
}

/** Images of a round. */
const atOnce = 200;

/**
 * Forgets what engines have said that are no longer configured: resolves with the images, whose findings are others by that, up to a
 * number; with none at the end.
 */
export async function forgetEngines(db: Database, configured: readonly string[]): Promise<Digest[]> {
  const known = new Set(configured);
  for (let after = ''; ;) {
    const row = await db.first<{ engine: string }>(
      'SELECT engine FROM engine_scans WHERE engine > ? ORDER BY engine LIMIT 1',
      [after],
    );
    if (!row) return [];
    after = row.engine;
    if (known.has(row.engine)) continue;
    const rows = await db.change<{ id: number }>(
      `DELETE FROM engine_scans WHERE engine = ? AND scan_id IN
        (SELECT scan_id FROM engine_scans WHERE engine = ? ORDER BY scan_id LIMIT ${atOnce}) RETURNING scan_id AS id`,
      [row.engine, row.engine],
    );
    if (rows.length === 0) continue;
    const [{ list, values }] = listsOf(rows.map(({ id }) => id)) as [{ list: string; values: number[] }];
    const scans = await db.all<{ digest: Digest }>(`SELECT digest FROM scans WHERE id IN (${list})`, values);
    // Of images that are gone, there may be more behind them.
    if (scans.length > 0) return scans.map(({ digest }) => digest);
  }
}
