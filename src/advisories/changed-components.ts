import type { Database, LookUps } from '../database/index.ts';
import { currentRevision } from './clock.ts';
import { componentsOfRevision } from './rematch.ts';
import './tables.ts';

/**
 * Components whose findings may have changed after a revision, in the order in which they did, and the revision to go on from.
 * Of a revision all come together, so that there may be somewhat more than `limit`; none means that the caller has come to the end.
 */
export async function changedComponents(
  db: Database | LookUps,
  sinceRevision: number,
  limit: number,
): Promise<{ componentIds: number[]; revision: number }> {
  // What commits after this is found the next time.
  const now = await currentRevision(db);
  const most = Math.max(1, limit) + componentsOfRevision;
  const rows = await db.all<{ id: number; revision: number }>(
    'SELECT id, revision FROM components WHERE revision > ? AND revision <= ? ORDER BY revision, id LIMIT ?',
    [sinceRevision, now, most],
  );
  if (rows.length <= limit) return { componentIds: rows.map(({ id }) => id), revision: now };
  // The revision that the limit falls into is the last one of the page.
  const last = rows[Math.max(1, limit) - 1]!.revision;
  return { componentIds: rows.filter(({ revision }) => revision <= last).map(({ id }) => id), revision: last };
}
