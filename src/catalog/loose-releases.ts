import { bit, isHeld, type Lockable } from './attributes.ts';
import type { Catalog } from './context.ts';
import { pullsOf } from './pulls.ts';
import { readRepositories } from './repositories.ts';
import { isImmutable } from './tag-mutability.ts';
import './tables.ts';

/** Releases of a repository that clients pull and that anybody who may push can change. */
export interface LooseReleases {
  repository: string;
  /** The newest first. */
  tags: string[];
}

/** Tags of a repository that are looked at, the ones that moved last, and releases among them that count. */
const newest = 50;
const mostReleases = 5;
/** Repositories that are looked at before others get their turn. */
const batch = 50;

/** Three or four numbers: `1.4.2`, `v2.0.1-alpine`, `2026.11.28`. What has fewer is meant to move. */
const release = /^v?\d+(?:\.\d+){2,3}(?:[-+_][\w.+-]+)?$/i;
const beforeRelease = /(?:^|[^a-z])(?:alpha|beta|rc|pre|preview|dev|snapshot|nightly|canary|test)(?![a-z])/i;

/** Whether a tag is named like a release: a version, and none that comes before one. */
export function isRelease(tag: string): boolean {
  return release.test(tag) && !beforeRelease.test(tag);
}

/**
 * Releases of a registry that were pulled since then (ms) and are neither locked against writing nor immutable: of each
 * repository the five newest releases are asked. Looks at the first `most` repositories by name.
 */
export async function looseReleases(
  catalog: Catalog,
  registryId: number,
  { since, most }: { since: number; most: number },
): Promise<LooseReleases[]> {
  const found: LooseReleases[] = [];
  const now = catalog.now();
  for (let last = '', looked = 0; looked < most;) {
    const limit = Math.min(batch, most - looked);
    const repositories = await readRepositories(catalog, registryId, last, limit);
    for (const repository of repositories) {
      if (isHeld(repository, bit.writeEnabled, now)) continue;
      const tags = await looseTags(catalog, { ...repository, registryId }, since, now);
      if (tags.length > 0) found.push({ repository: repository.name, tags });
    }
    if (repositories.length < limit) break;
    last = repositories.at(-1)!.name;
    looked += repositories.length;
    // SQLite answers without the event loop turning.
    await new Promise(setImmediate);
  }
  return found;
}

async function looseTags(
  catalog: Catalog,
  { id, registryId, name }: { id: number; registryId: number; name: string },
  since: number,
  now: number,
): Promise<string[]> {
  const rows = await catalog.db.all<Lockable & { name: string }>(
    `SELECT name, attributes, locked_until FROM tags WHERE repository_id = ?
      ORDER BY updated_at DESC, name DESC LIMIT ${newest}`,
    [id],
  );
  const releases = rows.filter((tag) => isRelease(tag.name));
  if (releases.length === 0) return [];
  const named = releases.map((tag) => tag.name);
  const pulls = await pullsOf(catalog, { id, registryId, name }, named);
  const rule = catalog.tagMutability?.(registryId, name);
  return releases
    .filter((tag) => (pulls.get(tag.name)?.lastPullAt ?? 0) > since)
    .slice(0, mostReleases)
    .filter((tag) => !isHeld(tag, bit.writeEnabled, now) && !(rule && isImmutable(rule, tag.name)))
    .map((tag) => tag.name);
}
