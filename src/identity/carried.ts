import { mostGroups } from './claims.ts';

/** Most bytes of groups and of claims, as JSON. Entra's groups have 39 each. */
const groupBytes = 4000;
const claimBytes = 3000;

const longestGroup = 256;
const longestClaimName = 128;
/** Bytes of one claim. */
const longestClaim = 1024;

export const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/**
 * The groups and claims of somebody's token that a token of ours carries on, in at most so many bytes: for assignments look
 * at them. Where there is more, it is left out, and gives no right.
 */
export function carriedOf(
  groups: readonly string[],
  claims: Readonly<Record<string, unknown>>,
  most: number,
): { groups: string[]; claims: Record<string, unknown> } {
  const carried = within(
    Math.min(groupBytes, most),
    groups.filter((group) => group.length <= longestGroup).slice(0, mostGroups),
  );
  return { groups: carried, claims: carriedClaims(claims, Math.min(claimBytes, most - bytesOf(carried))) };
}

/** Claims that a pattern can look at, the shortest first where there are too many. */
function carriedClaims(claims: Readonly<Record<string, unknown>>, most: number): Record<string, unknown> {
  const entries = Object.entries(claims)
    .map((entry) => ({ entry, bytes: bytesOf(entry) }))
    .filter(({ entry: [name], bytes }) => name.length <= longestClaimName && bytes <= longestClaim)
    .toSorted((one, other) => one.bytes - other.bytes)
    .map(({ entry }) => entry);
  return Object.fromEntries(within(most, entries));
}

/** As many of the first ones as have so many bytes together. */
export function within<T>(most: number, values: readonly T[]): T[] {
  let left = most;
  return values.filter((value) => (left -= bytesOf(value) + 1) >= 0);
}
