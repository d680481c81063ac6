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

/** Events in their order, by range: one range is asked about many versions. */
const sorted = new WeakMap<OsvRange, Event[]>();

/**
 * Whether a version is in a range (osv-schema, "Evaluation"): the last event before it decides. Ranges of commits hold no
 * version of a package. Events that are malformed are left out.
 */
export function statusIn(ecosystem: string, range: OsvRange, version: string): RangeStatus {
  // What SEMVER says is semver's, whatever else the ecosystem compares; Go's order is semver's, and knows its toolchain.
  const order = range.type === 'SEMVER' && ecosystem !== 'Go' ? 'npm' : ecosystem;
  const reached = (event: Event) =>
    event.version !== never && (event.version === always || compareVersions(order, version, event.version) >= 0);
  let events = sorted.get(range);
  if (!events) {
    events = eventsOf(range, order);
    sorted.set(range, events);
  }
  const limits = events.filter(({ kind }) => kind === 'limit');
  if (limits.length > 0 && limits.every(reached)) return { affected: false };

  let affected = false;
  let fixedVersion: string | undefined;
  for (const event of events) {
    if (event.kind === 'introduced') {
      if (affected || !reached(event)) continue;
      affected = true;
      fixedVersion = undefined;
    } else if (affected && event.kind === 'fixed') {
      if (reached(event)) affected = false;
      else fixedVersion ??= event.version;
    } else if (affected && event.kind === 'last_affected') {
      if (event.version !== never && compareVersions(order, version, event.version) > 0) affected = false;
    }
  }
  return affected && fixedVersion !== undefined ? { affected, fixedVersion } : { affected };
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
