import { type AdmissionReason, reasonCodes } from './decision.ts';

/** Most reasons that are kept of one decision. */
const mostReasons = 50;

/**
 * The first reasons in an order of their own, and how many there are: an image may have 20,000 findings that refuse it, and
 * an index many such images. Of those beyond the first ones nothing is made but the line by which they are told apart.
 */
export interface Reasons {
  /** Sorted; at most 50. */
  kept: AdmissionReason[];
  count: number;
}

/** What a reason is sorted by. */
type Order = Pick<AdmissionReason, 'code' | 'policy' | 'rule' | 'message' | 'platform'>;

export const noReasons = (): Reasons => ({ kept: [], count: 0 });

export const oneReason = (reason: AdmissionReason): Reasons => ({ kept: [reason], count: 1 });

/** Adds a reason; all of it is made only where it is one of the first. */
export function addReason<T extends Order>(reasons: Reasons, order: T, rest: (order: T) => AdmissionReason): void {
  reasons.count++;
  const { kept } = reasons;
  const last = kept.length < mostReasons ? undefined : kept[mostReasons - 1]!;
  const atEnd = last ? compareOrder(order, last) : -1;
  if (atEnd > 0) return;
  const reason = rest(order);
  if (last && atEnd === 0 && compare(JSON.stringify(reason), JSON.stringify(last)) >= 0) return;
  insert(kept, reason);
}

/** All reasons of several lists. */
export function mergeReasons(all: readonly Reasons[]): Reasons {
  const [only] = all;
  if (only && all.length === 1) return only;
  const merged = noReasons();
  for (const { kept, count } of all) {
    for (const reason of kept) addReason(merged, reason, (same) => same);
    merged.count += count - kept.length;
  }
  return merged;
}

function insert(kept: AdmissionReason[], reason: AdmissionReason): void {
  let [from, to] = [0, kept.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (compareReasons(kept[middle]!, reason) <= 0) from = middle + 1;
    else to = middle;
  }
  kept.splice(from, 0, reason);
  if (kept.length > mostReasons) kept.pop();
}

/** The worst first, then by policy; all of it in the end: a message is cut, and two may then be the same. */
const compareReasons = (a: AdmissionReason, b: AdmissionReason): number =>
  compareOrder(a, b) || compare(JSON.stringify(a), JSON.stringify(b));

const worst = ['MALICIOUS', 'KNOWN_EXPLOITED', 'VULNERABILITY'] as const;
const ranks = new Map<string, number>(
  [...worst, ...reasonCodes.filter((code) => !(worst as readonly string[]).includes(code))].map((code, at) => [
    code,
    at,
  ]),
);

function compareOrder(a: Order, b: Order): number {
  return (
    ranks.get(a.code)! - ranks.get(b.code)! ||
    compare(a.policy, b.policy) ||
    compare(a.rule, b.rule) ||
    compare(a.platform ?? '', b.platform ?? '') ||
    compare(a.message, b.message)
  );
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
