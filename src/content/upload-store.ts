import type { Selectable } from 'kysely';
import { aheadMs, type Database, listsOf, placeholders, type Tables, type Transaction } from '../database/index.ts';
import { isAlive } from '../jobs/index.ts';
import type { Digest } from '../oci/index.ts';
import './tables.ts';

export type UploadRow = Selectable<Tables['uploads']>;

/** By name: a prepared `SELECT *` fails on PostgreSQL once a newer node has added a column. */
const uploadColumns = [
  'id',
  'registry_id',
  'repository',
  'creator',
  'offset',
  'algorithm',
  'digest',
  'closing',
  'broke_off',
  'mark',
  'holder',
  'started_at',
  'active_at',
] as const satisfies (keyof UploadRow)[];
const columns = uploadColumns.map((name) => `"${name}"`).join(', ');
const insertion = `INSERT INTO uploads (${columns}) VALUES (${placeholders(uploadColumns.length)}) RETURNING id`;

/** Not durable: whoever loses a fresh session has lost nothing. */
export async function insertUpload(db: Database, upload: UploadRow): Promise<void> {
  await db.change(
    insertion,
    uploadColumns.map((name) => upload[name]),
    { durable: false },
  );
}

export function findUpload(db: Database, id: string): Promise<UploadRow | undefined> {
  return db.first<UploadRow>(`SELECT ${columns} FROM uploads WHERE id = ?`, [id]);
}

/**
 * Waits for a transaction that may be ending the session, because one whose answer was lost can still commit: only then
 * is what the facts say of its bytes the last word. False when the session is gone.
 */
export function settleUpload(db: Database, id: string): Promise<boolean> {
  return db.write(
    async (tx) => {
      const row = tx.selectFrom('uploads').select('id').where('id', '=', id);
      return (await db.forUpdate(row).executeTakeFirst()) !== undefined;
    },
    { durable: false },
  );
}

/** Whether there is such a session, whoever has it. */
export async function hasUpload(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.selectFrom('uploads').select('id').where('id', '=', id).executeTakeFirst()) !== undefined;
}

/** Ends a session whoever has it: what that one still writes is refused. */
export async function dropUpload(db: Database, id: string): Promise<void> {
  await db.change('DELETE FROM uploads WHERE id = ? RETURNING id', [id]);
}

/** Which of these uploads have a session. */
export async function knownUploads(db: Database, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db.read.selectFrom('uploads').select('id').where('id', 'in', ids).execute();
  return new Set(rows.map((row) => row.id));
}

/**
 * Makes a node the holder of a session that nobody has, that it has already, or whose holder is silent or gone. Undefined
 * when it is another's, or there is none. Need not be durable: what it is compared with is in the same database.
 */
export async function takeUpload(db: Database, id: string, node: number): Promise<UploadRow | undefined> {
  const rows = await db.change<UploadRow>(
    `UPDATE uploads SET holder = ? WHERE id = ? AND (holder IS NULL OR holder = ? OR NOT ${isAlive('uploads.holder')})
      RETURNING ${columns}`,
    [node, id, node],
    { durable: false },
  );
  return rows[0];
}

/** Leaves a session to whoever comes next. */
export async function giveBackUpload(db: Database, id: string, node: number): Promise<void> {
  await db.change('UPDATE uploads SET holder = NULL WHERE id = ? AND holder = ? RETURNING id', [id, node], {
    durable: false,
  });
}

/** Where a session is found: it has not moved since, and nobody else has taken it over. */
export interface UploadPlace {
  id: string;
  offset: number;
  holder: number | null;
}

const inPlace = 'WHERE id = ? AND "offset" = ? AND holder IS NOT DISTINCT FROM ?';

/** Moves a session on, or back to 0; false when it is gone, or not in that place any more. */
export async function advanceUpload(
  db: Database,
  { id, offset, holder }: UploadPlace,
  to: Pick<UploadRow, 'offset' | 'digest' | 'broke_off' | 'mark' | 'holder' | 'started_at' | 'active_at'>,
): Promise<boolean> {
  const rows = await db.change(
    `UPDATE uploads SET "offset" = ?, digest = ?, broke_off = ?, mark = ?, holder = ?, started_at = ?, active_at = ? ${inPlace}
      RETURNING id`,
    [to.offset, to.digest, to.broke_off, to.mark, to.holder, to.started_at, to.active_at, id, offset, holder],
  );
  return rows.length > 0;
}

/**
 * Records under which digest a session is about to be published; false when it is gone, or not in that place. Only
 * where bytes were acknowledged must it survive a power cut.
 */
export async function noteClosing(
  db: Database,
  { id, offset, holder }: UploadPlace,
  digest: Digest,
  now: number,
): Promise<boolean> {
  const rows = await db.change(
    `UPDATE uploads SET closing = ?, active_at = ? ${inPlace} RETURNING id`,
    [digest, now, id, offset, holder],
    { durable: offset > 0 },
  );
  return rows.length > 0;
}

/** Records an activity that the sessions themselves did not; one that came later stays. */
export async function touchUploads(tx: Transaction, ids: readonly string[], at: number): Promise<void> {
  await tx.updateTable('uploads').set({ active_at: at }).where('id', 'in', ids).where('active_at', '<', at).execute();
}

/** Has up to `limit` sessions whose activity lies at a time to come, by a clock that was wrong, begin to be idle now (ms). */
export async function restartIdleness(db: Database, now: number, limit: number): Promise<void> {
  const ahead = await db.all<{ id: string }>(
    'SELECT id FROM uploads WHERE active_at > ? ORDER BY active_at DESC LIMIT ?',
    [now + aheadMs, limit],
  );
  for (const { list, values } of listsOf(ahead.map(({ id }) => id))) {
    await db.change(
      `UPDATE uploads SET active_at = ? WHERE id IN (${list}) AND active_at > ? RETURNING id`,
      [now, ...values, now + aheadMs],
      { durable: false },
    );
  }
}

/** Ends a session that `holder` has; false when it is gone, or another node took it over. */
export async function deleteUpload(tx: Transaction, id: string, holder: number | null): Promise<boolean> {
  return (await tx.run('DELETE FROM uploads WHERE id = ? AND holder IS NOT DISTINCT FROM ?', [id, holder])) > 0;
}

/** Sessions without activity since `before` (ms), in pages, the longest idle first. */
export function idleUploads(db: Database, before: number, limit: number, after?: UploadRow): Promise<UploadRow[]> {
  const { active_at: at, id } = after ?? { active_at: -1, id: '' };
  return db.all<UploadRow>(
    `SELECT ${columns} FROM uploads WHERE active_at < ? AND (active_at, id) > (?, ?) ORDER BY active_at, id LIMIT ?`,
    [before, at, id, limit],
  );
}

/** Sessions in pages, by id. */
export function uploadsAfter(db: Database, id: string, limit: number): Promise<UploadRow[]> {
  return db.all<UploadRow>(`SELECT ${columns} FROM uploads WHERE id > ? ORDER BY id LIMIT ?`, [id, limit]);
}
