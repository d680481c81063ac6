import { compareVersions } from '../../packages/index.ts';
import type { OsvEvent, OsvRange } from '../osv.ts';

/** Versions, as texts say them. */
export interface Constrained {
  ranges: OsvRange[];
  /** One by one. */
  versions: string[];
  /** The first text that could not be read, of which nothing is in the others. */
  unread?: string;
}

/** From a version on, to before another one, or with it. Without an end: all that follow. */
interface Interval {
  from: string;
  /** `>`: not with `from` itself. */
  isOpen?: boolean;
  to?: string;
  isClosed?: boolean;
}

/** Before all versions. */
const first = '0';
const part = /\s*(~>|>=|=>|<=|=<|!=|==|=|>|<|~|\^)?\s*([^\s,<>=|~^!]+)\s*,?/y;
const versionText = /^v?[0-9A-Za-z][0-9A-Za-z.+_:-]*$/;

/**
 * What is vulnerable, as trivy-db's advisories of languages say it: each text is one or more ranges (`||`), whose bounds follow
 * each other (`>=1.0, <1.2.3`), in the words of npm (`^1.2`, `~1.2`) and RubyGems (`~> 1.2`). As ranges and single versions of
 * OSV. `>a` becomes from a on: OSV has no open lower bound, and one version too many is better than one too few. For the same
 * reason nothing is excluded (`!=`), and a text that is empty speaks of all versions, as Trivy has it.
 */
export function rangesOf(texts: readonly string[]): Constrained {
  const ranges: OsvRange[] = [];
  const versions: string[] = [];
  let unread: string | undefined;
  for (const text of texts.flatMap((one) => one.split('||'))) {
    const read = readConstraint(text);
    if (read === undefined) unread ??= text;
    else if (typeof read === 'string') versions.push(read);
    else ranges.push({ type: 'ECOSYSTEM', events: eventsOf(read) });
  }
  return { ranges, versions, ...(unread !== undefined && { unread }) };
}

/**
 * The same where only those are said that are not vulnerable, as RubySec says them (`~> 2.3.4`, `>= 2.4.1`): all others are. Ends that
 * OSV cannot say are such that one version too many is vulnerable.
 */
export function rangesWithout(ecosystem: string, texts: readonly string[]): Constrained {
  const secure: Interval[] = [];
  let unread: string | undefined;
  for (const text of texts.flatMap((one) => one.split('||'))) {
    const read = readConstraint(text);
    if (read === undefined) unread ??= text;
    // A single one between others that are vulnerable cannot be said.
    else if (typeof read !== 'string') secure.push(read);
  }
  const events: OsvEvent[] = [];
  const compare = (one: string, other: string) => {
    if (one === other) return 0;
    if (one === first || other === first) return one === first ? -1 : 1;
    return compareVersions(ecosystem, one, other);
  };
  let end: string | undefined = first;
  for (const { from, isOpen, to } of secure.toSorted((one, other) => compare(one.from, other.from))) {
    // All that follow are secure by now.
    if (end === undefined) break;
    if (compare(from, end) > 0) {
      events.push({ introduced: end }, isOpen ? { last_affected: from } : { fixed: from });
      end = to;
    } else if (to === undefined || compare(to, end) > 0) end = to;
  }
  if (end !== undefined) events.push({ introduced: end });
  const ranges = events.length === 0 ? [] : [{ type: 'ECOSYSTEM', events }];
  return { ranges, versions: [], ...(unread !== undefined && { unread }) };
}

function eventsOf({ from, to, isClosed }: Interval): OsvEvent[] {
  return [{ introduced: from }, ...(to === undefined ? [] : [isClosed ? { last_affected: to } : { fixed: to }])];
}

/** One version, or those of an interval; undefined where it cannot be read. */
function readConstraint(text: string): Interval | string | undefined {
  const interval: Interval = { from: first };
  let exact: string | undefined;
  part.lastIndex = 0;
  const trimmed = text.trim();
  for (let at = 0; at < trimmed.length; at = part.lastIndex) {
    const [, sign = '=', version = ''] = part.exec(trimmed) ?? [];
    if (version === '*') continue;
    if (!versionText.test(version)) return undefined;
    if (sign === '=' || sign === '==') exact = version;
    else if (sign === '>' || sign === '>=' || sign === '=>')
      Object.assign(interval, { from: version, isOpen: sign === '>' });
    else if (sign === '<' || sign === '<=' || sign === '=<')
      Object.assign(interval, { to: version, isClosed: sign !== '<' });
    else if (sign !== '!=') {
      const next = endOf(sign, version);
      if (next === undefined) return undefined;
      Object.assign(interval, { from: version, to: next, isClosed: false });
    }
  }
  return exact ?? interval;
}

/** The first version behind those that `~>`, `~` and `^` mean. */
function endOf(sign: string, version: string): string | undefined {
  const numbers = /^v?([0-9]+(?:\.[0-9]+)*)/.exec(version)?.[1]?.split('.').map(Number);
  if (!numbers) return undefined;
  // `~> 1.2.3` and `~1.2.3` let the last go on, `~> 1.2` the second; `^` all behind the first that is not 0.
  const places = { '~>': Math.max(0, numbers.length - 2), '~': Math.min(1, numbers.length - 1) };
  const notZero = numbers.findIndex((number) => number !== 0);
  const place = sign === '^' ? (notZero < 0 ? numbers.length - 1 : notZero) : places[sign as '~>' | '~'];
  return [...numbers.slice(0, place), numbers[place]! + 1].join('.');
}
