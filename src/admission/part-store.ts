import { type Database, listsOf, type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import './tables.ts';

/*
 * An index is decided on by what is known of all that it lists. Whoever decides on one of those anew outdates the verdict on the
 * index; so each of them needs a verdict of its own, and nothing may slip in between.
 */

/** Where an index is. */
interface IndexPlace {
  registryId: number;
  repositoryId: number;
}

/** A manifest below an index, with the versions of what was known of it; 0 where that was nothing. */
export interface Part {
  digest: Digest;
  evidenceVersion: number;
  stateVersion: number;
}

/**
 * Has what an index lists decided on in the background, where nothing was so far: a policy may have come after it, and what is
 * found in it later is to reach the index, which has a row for that itself. Resolves before anything is written of the decision on
 * the index, and writes where something is missing.
 */
export async function expectParts(
  db: Database,
  { registryId, repositoryId, digest: index }: IndexPlace & { digest: Digest },
  parts: readonly Part[],
  now: number,
): Promise<void> {
  const digests = [...new Set([index, ...parts.map(({ digest }) => digest)])];
  const found = listsOf(digests).map(({ list, values }) =>
    db.all<{ digest: Digest }>(`SELECT digest FROM verdicts WHERE repository_id = ? AND digest IN (${list})`, [
      repositoryId,
      ...values,
    ]),
  );
  const known = new Set((await Promise.all(found)).flat().map(({ digest }) => digest));
  const missing = digests.filter((digest) => !known.has(digest)).toSorted();
  if (missing.length === 0) return;
  const rows = missing.map((digest) => [registryId, repositoryId, digest, 'pending', '', 0, 0, '{}', now, 0, -1]);
  const insert = async (tx: Transaction) => {
    for (const { rows: list, values } of rowsOf<Parameter>(rows)) {
      tx.send(
        `INSERT INTO verdicts (registry_id, repository_id, digest, effect, revision, evidence_version, state_version, body,
            evaluated_at, valid_until, due)
          VALUES ${list} ON CONFLICT (repository_id, digest) DO NOTHING`,
        values,
      );
    }
  };
  // What a crash takes back is missing again.
  await db.write(insert, { durable: false });
}

/**
 * Whether the same is known of the parts of an index as when it was decided by them. The caller has locked its verdict: who
 * writes something later than this looks outdates what the caller writes.
 */
export async function areCurrent(
  tx: Transaction,
  { registryId, repositoryId }: IndexPlace,
  parts: readonly Part[],
): Promise<boolean> {
  const versions = new Map<Digest, number>();
  for (const { digest, evidenceVersion, stateVersion } of parts) {
    const version = evidenceVersion + stateVersion;
    // Looked at twice, and it was another one meanwhile.
    versions.set(digest, (versions.get(digest) ?? version) === version ? version : Number.NaN);
  }
  for (const { list, values } of listsOf([...versions.keys()])) {
    const rows = await tx.all<{ digest: Digest; version: number }>(
      `SELECT digest, version FROM evidence WHERE digest IN (${list}) AND registry_id = ?
        UNION ALL SELECT digest, version FROM quarantine_states WHERE repository_id = ? AND digest IN (${list})`,
      [...values, registryId, repositoryId, ...values],
    );
    const now = new Map<unknown, number>();
    for (const { digest, version } of rows) now.set(digest, (now.get(digest) ?? 0) + version);
    if (values.some((digest) => versions.get(digest) !== (now.get(digest) ?? 0))) return false;
  }
  return true;
}
