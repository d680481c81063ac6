import { RegistryError } from '../errors/index.ts';
import type { Category } from './contract.ts';

/** Whose rate it is: that of all callers of a registry, or of one identity. */
export type Level = 'registry' | 'identity';

export interface Refused {
  tier: string;
  category: Category;
  level: Level;
  identity: string | undefined;
}

const words: Record<Category, string> = {
  dataplaneRead: 'DataplaneRead (GET, HEAD)',
  dataplaneWrite: 'DataplaneWrite (PUT, PATCH, POST)',
  dataplaneDelete: 'DataplaneDelete (DELETE)',
  listReferrers: 'ListReferrers',
  oauth: 'OAuth (tokens)',
};

/** The answer to a request beyond a rate (acr §1.3), with the time to stay away (whole seconds). */
export function tooMany(
  { tier, category, level }: Refused,
  retrySeconds: number,
  headers: Record<string, string>,
): RegistryError {
  const whose = level === 'registry' ? 'all callers of this registry together have' : 'this identity has';
  return new RegistryError('TOOMANYREQUESTS', {
    message:
      `${whose} used up the requests a minute that the tier ${tier} allows of ${words[category]}; ` +
      `try again in ${retrySeconds} s, or have the registry's owner choose another tier`,
    detail: { tier, category, level },
    headers: { ...headers, 'Retry-After': String(retrySeconds) },
  });
}
