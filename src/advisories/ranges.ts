import { compareVersions } from '../packages/index.ts';
import { listed, type OsvRange } from './osv.ts';

/** What a range says of a version. */
export interface RangeStatus {
  affected: boolean;
  /** The first fix after it. */
  fixedVersion?: string;
}

/** Kinds of events, in their order where versions are equal. */
const kinds = ['introduced', 'last_affected', 'fixed', 'limit'] as const;

interface Event {
  kind: (typeof kinds)[number];
  version: string;
}

/** Before all versions, and after them. */
const always = '0';
const never = '*';

/** A range as it is asked about many versions, each of which is found among thousands of events with few comparisons. */
interface Prepared {
  events: Event[];
  /** Whether a version behind the first n events is affected, for each n. */
  affectedAfter: boolean[];
  /** Where the first fix is from each event on. */
  nextFix: number[];
  /** The last one: behind it nothing is said. */
  limit: string | undefined;
}

const prepared = new WeakMap<OsvRange, Prepared>();

/**
 * Whether a version is in a range (osv-schema, "Evaluation"): the last event before it decides. Ranges of commits hold no
 * version of a package. Events that are malformed are left out.
 */
export function statusIn(ecosystem: string, range: OsvRange, version: string): RangeStatus {
  // What SEMVER says is semver's, whatever else the ecosystem compares; Go's order is semver's, and knows its toolchain.
  const order = range.type === 'SEMVER' && ecosystem !== 'Go' ? 'npm' : ecosystem;
  let ready = prepared.get(range);
  if (!ready) {
    ready = prepare(range, order);
    prepared.set(range, ready);
  }
  const { events, affectedAfter, nextFix, limit } = ready;
  const isBehind = (end: string) => end !== never && (end === always || compareVersions(order, version, end) >= 0);
  if (limit !== undefined && isBehind(limit)) return { affected: false };

  // Those before it; then those of the same version, of which the last affected one is not behind itself.
  let at = firstWhere(events, (end) => compareTo(order, end, version) >= 0);
  let affected = affectedAfter[at]!;
  for (; at < events.length && compareTo(order, events[at]!.version, version) === 0; at++)
    affected = afterEvent(affected, events[at]!.kind, false);
  const fix = affected ? events[nextFix[at]!]?.version : undefined;
  return fix === undefined ? { affected } : { affected, fixedVersion: fix };
}

function prepare(range: OsvRange, order: string): Prepared {
  const events = eventsOf(range, order);
  const affectedAfter = [false];
  for (const { kind } of events) affectedAfter.push(afterEvent(affectedAfter.at(-1)!, kind, true));
  const nextFix = Array.from({ length: events.length + 1 }, () => events.length);
  for (let at = events.length - 1; at >= 0; at--) nextFix[at] = events[at]!.kind === 'fixed' ? at : nextFix[at + 1]!;
  return { events, affectedAfter, nextFix, limit: events.findLast(({ kind }) => kind === 'limit')?.version };
}

/** `isBehind`: the version is a later one than that of the event, not the same. */
function afterEvent(affected: boolean, kind: Event['kind'], isBehind: boolean): boolean {
  if (kind === 'introduced') return true;
  if (kind === 'fixed') return false;
  return kind === 'last_affected' && isBehind ? false : affected;
}

/** The end of an event, beside a version, which has no special meaning. */
function compareTo(order: string, end: string, version: string): number {
  if (end === always) return -1;
  return end === never ? 1 : compareVersions(order, end, version);
}

function firstWhere(events: readonly Event[], holds: (version: string) => boolean): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(events[middle]!.version)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function eventsOf(range: OsvRange, order: string): Event[] {
  const events: Event[] = [];
  for (const event of listed(range.events)) {
    for (const kind of kinds) {
      const version: unknown = event[kind];
      if (typeof version === 'string' && version !== '') events.push({ kind, version });
    }
  }
  return events.toSorted(
    (a, b) => compareEnds(order, a.version, b.version) || kinds.indexOf(a.kind) - kinds.indexOf(b.kind),
  );
}

function compareEnds(order: string, a: string, b: string): number {
  if (a === b) return 0;
  if (a === always || b === never) return -1;
  if (b === always || a === never) return 1;
  return compareVersions(order, a, b);
}
