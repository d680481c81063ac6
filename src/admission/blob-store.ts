import { firstNaming } from '../catalog/index.ts';
import type { Database, Dialect } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Decision } from './decision.ts';
import './tables.ts';
import { believed, selectVerdict, type VerdictRow } from './verdict-store.ts';

/** A blob in a repository. */
export interface BlobPlace {
  registryId: number;
  repositoryId: number;
  repository: string;
  digest: Digest;
}

/** Most steps of one look. */
const mostSteps = 2000;

const firstLetting = (from: string) =>
  `(SELECT v.digest FROM verdicts v WHERE v.repository_id = ? AND v.revision = ? AND v.lets_blobs = 1
    AND v.digest >= ${from} ORDER BY v.digest LIMIT 1)`;

/*
 * A layer may be in a hundred thousand images of a repository, of which one is let out, or in one of a hundred thousand that
 * are. Both are in the order of digests, so each is asked in turn for its first one from where the other is, by its index,
 * until they meet: that takes as many steps as the shorter of the two has runs, and not a row of either is read beside.
 *
 *   names the blob      a b c d e f g h . . k
 *   lets blobs out                      i . k      a → i → k → k
 */
const walk = (dialect: Dialect) => `WITH RECURSIVE walk (step, digest, was) AS (
    SELECT 0, ${firstNaming('?', '?', '?')}, ''${dialect === 'postgres' ? ' COLLATE "C"' : ''}
    UNION ALL
    SELECT step + 1, CASE step % 2 WHEN 0 THEN ${firstLetting('walk.digest')} ELSE ${firstNaming('?', '?', 'walk.digest')} END,
      walk.digest FROM walk WHERE walk.digest <> walk.was AND step < ${mostSteps}
  ) SELECT digest FROM walk WHERE digest = was`;

const statements = new Map<Dialect, string>();

/** An image that has a blob and was let out when it was last decided on; its decision where that is believed now. */
export interface Letting {
  digest: Digest;
  decision: Decision | undefined;
}

/**
 * The first image of a repository, behind another one in the order of digests, that has a blob and whose verdict by these rules
 * lets blobs out. One statement, by two indexes. Undefined where there is none within 2,000 steps.
 */
export async function findLetting(
  { dialect, first }: Pick<Database, 'dialect' | 'first'>,
  { repositoryId, digest }: Pick<BlobPlace, 'repositoryId' | 'digest'>,
  revision: string,
  { behind, now }: { behind: string; now: number },
): Promise<Letting | undefined> {
  let text = statements.get(dialect);
  if (!text) statements.set(dialect, (text = `${selectVerdict} = (${walk(dialect)})`));
  // No digest lies between one and itself with a character behind it.
  const from = behind === '' ? '' : `${behind} `;
  const naming = [digest, repositoryId] as const;
  const row = await first<VerdictRow & { digest: Digest }>(text, [
    repositoryId,
    ...naming,
    from,
    repositoryId,
    revision,
    ...naming,
  ]);
  return row && { digest: row.digest, decision: believed(row, revision, now) };
}
