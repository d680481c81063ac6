import { LRUCache } from 'lru-cache';
import { RegistryError } from '../errors/index.ts';

/** Failed logins by source address: whoever guesses is slowed down, whoever is let in never is. */
export interface SourceThrottle {
  /** Throws TOOMANYREQUESTS where too much has failed from an address. */
  require(address: string): void;
  /** Whether it would. */
  isExhausted(address: string): boolean;
  /** Whether there is any address of which it would: most of the time nobody need find out who asks. */
  isAnyExhausted(): boolean;
  /** Something that was shown from there was not right. */
  failed(address: string): void;
}

/** Addresses that are remembered: of more, those that failed longest ago are forgotten. */
const mostAddresses = 20_000;

/** `failures` a minute from one address, IPv6 by its /64; 0 for any number. In this process alone: nothing is written. */
export function createSourceThrottle({
  failures,
  clock = () => performance.now(),
  refused = () => {},
}: {
  failures: number;
  clock?(): number;
  refused?(): void;
}): SourceThrottle {
  const perMs = failures / 60_000;
  const sources = new LRUCache<string, { left: number; at: number }>({ max: mostAddresses });

  let exhaustedUntil = 0;

  function leftOf(address: string): number {
    const found = sources.get(sourceOf(address));
    return found ? Math.min(failures, found.left + (clock() - found.at) * perMs) : failures;
  }

  return {
    isExhausted: (address) => failures > 0 && leftOf(address) < 1,
    isAnyExhausted: () => exhaustedUntil > 0 && clock() < exhaustedUntil,
    require(address) {
      if (failures === 0) return;
      const left = leftOf(address);
      if (left >= 1) return;
      refused();
      // As much as is worth coming back for: some attempts, not one.
      const wait = Math.min(
        60,
        Math.max(1, Math.ceil((Math.min(failures, Math.max(1, failures / 10)) - left) / perMs / 1000)),
      );
      throw new RegistryError('TOOMANYREQUESTS', {
        message: `too many logins have failed from this address; try again in ${wait} s with the right credentials`,
        detail: { category: 'authentication', level: 'source' },
        headers: { 'Retry-After': String(wait) },
      });
    },
    failed(address) {
      if (failures === 0) return;
      const left = Math.max(-failures, leftOf(address) - 1);
      sources.set(sourceOf(address), { left, at: clock() });
      if (left < 1) exhaustedUntil = Math.max(exhaustedUntil, clock() + (1 - left) / perMs);
    },
  };
}

/** Whoever has one IPv6 address has its whole /64. */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%')[0]!.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    // An IPv4 address at the end stands for two groups.
    const length = after.length + (tail.includes('.') ? 1 : 0);
    groups.push(...Array.from({ length: Math.max(0, 8 - groups.length - length) }, () => '0'), ...after);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
