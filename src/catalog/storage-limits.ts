import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Catalog } from './context.ts';
import { keyOf, type Level, levelsOf, remember, usedAt } from './storage-levels.ts';
import type { LimitLevel } from './storage-limiter.ts';
import { isNear, lockSpace } from './storage-space.ts';
import type { Viewer } from './visible-repositories.ts';
import './tables.ts';

/**
 * Runs what adds up to `bytes` to a repository, so that no limit is passed, whoever else pushes at the same time. Only what
 * is new counts: a blob that is there already costs nothing. To be called before the transaction locks any row. Throws
 * DENIED where there is no room.
 */
export async function withinLimits<T>(
  catalog: Catalog,
  tx: Transaction,
  { registryId, name, bytes }: { registryId: number; name: string; bytes: number },
  change: () => Promise<T>,
): Promise<T> {
  const levels = levelsOf(catalog, registryId, name);
  if (levels.length === 0) return change();
  // Together, so that the locks, which are sent first, cost no round trip.
  const [locked, changed] = await Promise.allSettled([lockSpace(catalog, tx, levels, bytes), change()]);
  // Both have ended before the transaction does.
  if (locked.status === 'rejected') throw locked.reason;
  if (changed.status === 'rejected') throw changed.reason;
  const scarce = locked.value;
  if (scarce.length === 0) return changed.value;
  const used = await usedAt(
    catalog,
    tx,
    scarce.map(({ level }) => level),
  );
  for (const [at, { level, before }] of scarce.entries()) {
    const after = used[at]!;
    if (after > level.limit && after > before) throw refusal(level, before, after - before);
  }
  return changed.value;
}

/** What a push may still add, as far as is known before its transaction. */
export interface StorageRoom {
  readonly bytes: number;
  /** What is refused with that needs so many bytes. */
  refusal(needed: number): RegistryError;
  /** Looks again. */
  renew(): Promise<void>;
}

/** What is to be pushed, as far as that is known. */
export interface Wanted {
  digest?: Digest | undefined;
  /** Bytes. */
  length?: number | undefined;
  viewer?: Pick<Viewer, 'seesAll'>;
}

/**
 * How much room there is for a blob; undefined where nothing limits it, also because its content (`digest`) is there already.
 * Of what other repositories have, only somebody is told who may know of all of them (`viewer`): a digest alone must not
 * be enough to find out. Nothing is reserved: what is told here may be gone when the blob is committed, and only then is it
 * certain.
 */
export async function roomFor(
  catalog: Catalog,
  registryId: number,
  name: string,
  { digest, viewer, length }: Wanted = {},
): Promise<StorageRoom | undefined> {
  let levels = levelsOf(catalog, registryId, name);
  if (levels.length === 0) return undefined;
  if (digest !== undefined) {
    const held = await holding(catalog, registryId, name, digest);
    if (held.repository) return undefined;
    if (held.registry && viewer?.seesAll) levels = levels.filter(({ level }) => level !== 'registry');
    if (levels.length === 0) return undefined;
  }
  let tightest = (length !== undefined && seenLately(catalog, levels, length)) || (await tightestOf(catalog, levels));
  return {
    get bytes() {
      return Math.max(0, tightest.level.limit - tightest.used);
    },
    refusal: (needed) => refusal(tightest.level, tightest.used, needed),
    async renew() {
      tightest = await tightestOf(catalog, levels);
    },
  };
}

interface Use {
  level: Level;
  used: number;
}

/** The limit that leaves least. */
async function tightestOf(catalog: Catalog, levels: readonly Level[]): Promise<Use> {
  const used = await usedAt(catalog, catalog.db, levels);
  remember(catalog, levels, used);
  return least(levels.map((level, at) => ({ level, used: used[at]! })));
}

/** For how long a look at limits that are far away is good enough for who is only about to push (ms). */
const lately = 1000;

/** The same where all have been looked at a moment ago, none was near, and there was room enough. */
function seenLately({ storageLimiter }: Catalog, levels: readonly Level[], length: number): Use | undefined {
  const uses: Use[] = [];
  for (const level of levels) {
    const seen = storageLimiter?.seen.get(keyOf(level));
    if (!seen || performance.now() - seen.at > lately) return undefined;
    if (isNear(level.limit, seen.used) || seen.used + length > level.limit) return undefined;
    uses.push({ level, used: seen.used });
  }
  return least(uses);
}

function least(uses: readonly Use[]): Use {
  return uses.reduce((one, other) => (other.level.limit - other.used < one.level.limit - one.used ? other : one));
}

/** Whether the registry, and the repository, have a blob already. */
async function holding({ db }: Catalog, registryId: number, name: string, digest: Digest) {
  const row = await db.first<{ registry: number | null; repository: number | null }>(
    `SELECT (SELECT 1 FROM registry_blobs b WHERE b.digest = ? AND b.registry_id = ?) AS registry,
      (SELECT 1 FROM blob_links l WHERE l.digest = ?
        AND l.repository_id = (SELECT r.id FROM repositories r WHERE r.registry_id = ? AND r.name = ?)) AS repository`,
    [digest, registryId, digest, registryId, name],
  );
  return { registry: row!.registry !== null, repository: row!.repository !== null };
}

const reason = 'storage_limit';

/** What a client is told, in numbers (bytes). */
interface OverLimit {
  reason: typeof reason;
  level: LimitLevel;
  used: number;
  limit: number;
  needed: number;
}

/** Whether something was refused because a storage limit is reached. */
export function isOverLimit(error: unknown): error is RegistryError & { detail: OverLimit } {
  return error instanceof RegistryError && (error.detail as { reason?: unknown } | undefined)?.reason === reason;
}

/**
 * 403 with DENIED, which Docker, containerd, skopeo and crane print with its message and do not try again; of 5xx they
 * print the number alone, and repeat it.
 */
function refusal({ level, name, limit }: Level, used: number, needed: number): RegistryError {
  const whose = level === 'registry' ? 'this registry' : `the repository ${name}`;
  const needs = needed > 0 ? `, and this needs at least ${sizeText(needed)} more` : '';
  return new RegistryError('DENIED', {
    message:
      `the storage limit of ${whose} is reached: ${sizeText(used)} of ${sizeText(limit)} are used${needs}; ` +
      'delete what is no longer needed and wait until it is collected, or have the limit raised',
    detail: { reason, level, used, limit, needed, ...(level === 'repository' && { repository: name }) },
  });
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

function sizeText(bytes: number): string {
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return unit === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** unit).toFixed(1)} ${units[unit]}`;
}
