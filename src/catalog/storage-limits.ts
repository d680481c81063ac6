import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Catalog } from './context.ts';
import { sliceOf } from './storage-budgets.ts';
import { slicesFor } from './storage-slices.ts';
import { keyOf, type Level, levelsOf, remember, usedAt } from './storage-levels.ts';
import type { LimitLevel } from './storage-limiter.ts';
import type { Viewer } from './visible-repositories.ts';
import './tables.ts';

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
  const asked = slicesFor(catalog, levels);
  if (asked) await asked;
  const far = length === undefined ? undefined : seenLately(catalog, levels, length);
  // Where there is room enough, it need not be known whether the content is there.
  if (digest !== undefined && !far) {
    const held = await holding(catalog, registryId, name, digest);
    if (held.repository) return undefined;
    if (held.registry && viewer?.seesAll) levels = levels.filter(({ level }) => level !== 'registry');
    if (levels.length === 0) return undefined;
  }
  let tightest = far ?? (await tightestOf(catalog, levels));
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

/** The same where all have been looked at a moment ago, and all were far from what this needs. */
function seenLately({ storageLimiter }: Catalog, levels: readonly Level[], length: number): Use | undefined {
  const uses: Use[] = [];
  const now = performance.now();
  for (const level of levels) {
    const seen = storageLimiter?.seen.get(keyOf(level));
    if (!seen || sliceOf(level.limit - seen.used - length) === 0) return undefined;
    if (now - seen.at > lately) {
      // One looks, for all who come meanwhile.
      seen.at = now;
      return undefined;
    }
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
export function refusal({ level, name, limit }: Level, used: number, needed: number): RegistryError {
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
