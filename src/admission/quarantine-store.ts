import { type Database, listsOf, type Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import type { QuarantineState } from './decision.ts';
import { newVersion } from './evidence-store.ts';
import './tables.ts';

/** What somebody has said of an image in quarantine. */
export interface StatedQuarantine {
  /** Undefined where only details were given. */
  state: QuarantineState | undefined;
  /** JSON text, or ''. */
  details: string;
  version: number;
}

/** What was said of some manifests of a repository. */
export async function statedOf(
  db: Database,
  repositoryId: number,
  digests: readonly Digest[],
): Promise<Map<Digest, StatedQuarantine>> {
  const found = listsOf(digests).map(({ list, values }) =>
    db.all<{ digest: Digest; state: QuarantineState | ''; details: string; version: number }>(
      `SELECT digest, state, details, version FROM quarantine_states WHERE repository_id = ? AND digest IN (${list})`,
      [repositoryId, ...values],
    ),
  );
  const rows = (await Promise.all(found)).flat();
  return new Map(rows.map(({ digest, state, ...stated }) => [digest, { ...stated, state: state || undefined }]));
}

export interface QuarantineChange {
  registryId: number;
  repositoryId: number;
  digest: Digest;
  state?: QuarantineState | undefined;
  details?: string | undefined;
  by: string;
  /** ms. */
  at: number;
}

/** Keeps what somebody says; what is left out stays as it was. Details alone leave an image where it is. */
export async function writeStated(
  tx: Transaction,
  { registryId, repositoryId, digest, state, details, by, at }: QuarantineChange,
): Promise<void> {
  await tx.run(
    `INSERT INTO quarantine_states (registry_id, repository_id, digest, state, details, version, changed_at, changed_by)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repository_id, digest) DO UPDATE SET
        state = CASE WHEN ? = 1 THEN excluded.state ELSE quarantine_states.state END,
        details = CASE WHEN ? = 1 THEN excluded.details ELSE quarantine_states.details END,
        version = excluded.version, changed_at = excluded.changed_at, changed_by = excluded.changed_by`,
    [
      registryId,
      repositoryId,
      digest,
      state ?? '',
      details ?? '',
      newVersion(),
      at,
      by,
      state === undefined ? 0 : 1,
      details === undefined ? 0 : 1,
    ],
  );
}
