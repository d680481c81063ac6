import type { Database, Transaction } from '../database/index.ts';
import { appendEvent } from '../events/index.ts';
import type { Digest } from '../oci/index.ts';
import type { ImagePlace } from './verdict-store.ts';
import './tables.ts';

/** Verdicts that are to be made anew by now, the most urgent first. */
export function dueVerdicts(
  db: Database,
  now: number,
  limit: number,
): Promise<{ repositoryId: number; digest: Digest }[]> {
  return db.all(
    `SELECT repository_id AS "repositoryId", digest FROM verdicts WHERE due <= ? ORDER BY due, repository_id, digest
      LIMIT ?`,
    [now, limit],
  );
}

/** When a verdict is to be made anew (ms; below zero at once, the least first). */
export function setDue(tx: Transaction, repositoryId: number, digest: Digest, due: number): void {
  tx.send('UPDATE verdicts SET due = ? WHERE repository_id = ? AND digest = ?', [due, repositoryId, digest]);
}

/** Verdicts of a registry in the order of their keys. */
export function verdictsAfter(
  db: Database,
  registryId: number,
  { repositoryId, digest }: { repositoryId: number; digest: string },
  limit: number,
): Promise<{ repositoryId: number; digest: Digest; revision: string }[]> {
  return db.all(
    `SELECT repository_id AS "repositoryId", digest, revision FROM verdicts
      WHERE registry_id = ? AND (repository_id, digest) > (?, ?) ORDER BY repository_id, digest LIMIT ?`,
    [registryId, repositoryId, digest, limit],
  );
}

/** How far verdicts of a registry were compared with its rules, and by which. */
export interface RuleProgress {
  revision: string;
  done: boolean;
  repositoryId: number;
  digest: string;
}

/** Repositories have ids from 1 on. */
const done = -1;

export async function progressOf(db: Database, registryId: number): Promise<RuleProgress | undefined> {
  const row = await db.first<{ revision: string; repository_id: number; digest: string }>(
    'SELECT revision, repository_id, digest FROM admission_progress WHERE registry_id = ?',
    [registryId],
  );
  if (!row) return undefined;
  const { revision, repository_id: repositoryId, digest } = row;
  return { revision, done: repositoryId === done, repositoryId, digest };
}

export async function saveProgress(db: Database, registryId: number, progress: RuleProgress): Promise<void> {
  const { revision, repositoryId, digest } = progress;
  await db.change(
    `INSERT INTO admission_progress (registry_id, revision, repository_id, digest) VALUES (?, ?, ?, ?)
      ON CONFLICT (registry_id) DO UPDATE SET revision = excluded.revision, repository_id = excluded.repository_id,
        digest = excluded.digest RETURNING registry_id`,
    [registryId, revision, progress.done ? done : repositoryId, digest],
    { durable: false },
  );
}

/** Whether anything is recorded that what happens in a registry could change. */
export async function hasRecords({ first }: Database): Promise<boolean> {
  const found = await Promise.all([
    first('SELECT registry_id FROM admission_progress LIMIT 1', []),
    first('SELECT digest FROM evidence LIMIT 1', []),
    first('SELECT digest FROM quarantine_states LIMIT 1', []),
  ]);
  return found.some((row) => row !== undefined);
}

/** The registries that ever had rules. */
export async function followedRegistries(db: Database): Promise<number[]> {
  const rows = await db.all<{ registry_id: number }>('SELECT registry_id FROM admission_progress', []);
  return rows.map(({ registry_id }) => registry_id);
}

/** Forgets the verdict on an image that nothing covers any more. A push that was held is told of now. */
export async function releaseImage(tx: Transaction, place: ImagePlace, now: number): Promise<void> {
  const { registryId, repositoryId, repository, digest } = place;
  const row = await tx.first<{ held: number }>(
    'SELECT held FROM verdicts WHERE repository_id = ? AND digest = ? FOR UPDATE',
    [repositoryId, digest],
  );
  if (!row) return;
  await tx.run('DELETE FROM verdicts WHERE repository_id = ? AND digest = ?', [repositoryId, digest]);
  if (row.held === 0) return;
  appendEvent(tx, {
    registryId,
    type: 'manifest.pushed',
    data: { repository, digest, released: true },
    at: now,
  });
}
