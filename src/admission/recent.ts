import type { Digest } from '../oci/index.ts';
import type { RepositoryRules } from './rules.ts';

/** How long what was let out is believed without asking the database (ms): what withdraws it acts within that everywhere. */
const rememberedMs = 500;
/** Digests of one repository that are remembered so; beyond that it begins anew. */
const remembered = 256;

interface Place {
  repositoryId: number;
  digest: Digest;
}

/** What a process has seen a moment ago to be let out. */
export interface Recent {
  has(place: Place, rules: RepositoryRules): boolean;
  /** `at`: when it was asked for; `validUntil`: the end of what lets it out (ms). */
  keep(place: Place, rules: RepositoryRules, times: { at: number; validUntil: number }): void;
  drop(place: Place, rules: RepositoryRules): void;
}

export function createRecent(now: () => number): Recent {
  /** By the rules that it was let out by: other rules have seen nothing. */
  const seen = new WeakMap<RepositoryRules, Map<Digest, { repositoryId: number; at: number; until: number }>>();
  return {
    has({ repositoryId, digest }, rules) {
      const known = seen.get(rules)?.get(digest);
      if (known?.repositoryId !== repositoryId) return false;
      const time = now();
      // Seen in the future: the clock has been put back since, and half a second may last hours.
      return known.until > time && known.at <= time;
    },
    keep({ repositoryId, digest }, rules, { at, validUntil }) {
      let known = seen.get(rules);
      if (!known) seen.set(rules, (known = new Map()));
      if (known.size >= remembered) known.clear();
      known.set(digest, { repositoryId, at, until: Math.min(validUntil, at + rememberedMs) });
    },
    drop({ digest }, rules) {
      seen.get(rules)?.delete(digest);
    },
  };
}
