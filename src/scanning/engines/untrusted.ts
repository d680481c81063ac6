import type { FixState } from '../../admission/index.ts';
import { isSeverity, type Severity } from '../../packages/index.ts';
import { turn } from '../turn.ts';
import { EngineError, type EngineFinding } from './engine.ts';

/*
 * Reports come from programs that read hostile images and may be hostile themselves. Whatever is read of one passes through
 * here: nothing is longer, or more, or of another type, than it says.
 */

/** Findings of a report that are kept, and of its entries that are looked at. */
export const mostFindings = 20_000;
export const mostEntries = 200_000;

const idLength = 100;
const nameLength = 300;
const summaryLength = 500;
const linkLength = 500;
const mostLinks = 10;
const mostScores = 8;

/** Ids of CVE, GHSA, and whatever else gives ids to vulnerabilities. */
const idPattern = /^[A-Za-z][A-Za-z0-9._:/-]*$/;

/**
 * Deepest nesting of a report, and most values and keys of it: a finding of trivy has a hundred of them, one of grype 240. So many
 * that are nothing but brackets take a quarter of a second.
 */
const mostDepth = 64;
const mostValues = 5_000_000;
/** Characters that are looked through, and findings that are read, before others have a turn. */
const lookedTogether = 500_000;
const readTogether = 500;
/** Characters of the summaries, links and scores of all findings of a report. */
const mostDetails = 8 * 1024 * 1024;

/**
 * JSON, or an EngineError that says whose it is. Its shape is looked at first: what is nothing but brackets would keep the event loop
 * for seconds.
 */
export async function parseJson(text: string, whose: string): Promise<Record<string, unknown>> {
  await requireShape(text, whose);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new EngineError(`${whose} is no JSON, or it is cut off`, { cause: error });
  }
  const object = objectOf(json);
  if (!object) throw new EngineError(`${whose} is no JSON object`);
  return object;
}

async function requireShape(text: string, whose: string): Promise<void> {
  let depth = 0;
  let values = 0;
  let rested = 0;
  for (let at = 0; at < text.length; at++) {
    if (at - rested > lookedTogether) {
      await turn();
      rested = at;
    }
    const code = text.charCodeAt(at);
    if (code === 34) at = endOfString(text, at);
    else if (code === 91 || code === 123) {
      depth++;
      values++;
    } else if (code === 93 || code === 125) depth--;
    else if (code === 44 || code === 58) values++;
    if (depth > mostDepth) throw new EngineError(`${whose} is nested more than ${mostDepth} deep`);
    if (values > mostValues) throw new EngineError(`${whose} has more than ${mostValues} values`);
  }
}

/** Where the string that begins at `at` has its closing quote. */
function endOfString(text: string, at: number): number {
  for (let from = at + 1; ;) {
    const end = text.indexOf('"', from);
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 92) backslashes++;
    if (backslashes % 2 === 0) return end;
    from = end + 1;
  }
}

export function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value.slice(0, mostEntries) : []);

/** Text of one line, cut; '' for what is none. */
export function line(value: unknown, most: number): string {
  if (typeof value !== 'string') return '';
  const text = value.slice(0, most * 2).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ');
  return text.trim().slice(0, most).toWellFormed();
}

export function idOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= idLength && idPattern.test(value) ? value : undefined;
}

export const nameIn = (value: unknown): string => line(value, nameLength);
export const summaryIn = (value: unknown): string => line(value, summaryLength);

export function linksIn(values: readonly unknown[]): string[] {
  const links = values.filter(
    (value): value is string =>
      typeof value === 'string' && value.length <= linkLength && /^https?:\/\/[!-~]+$/.test(value),
  );
  return [...new Set(links)].slice(0, mostLinks);
}

/** By its name, in any case; what is no severity is unknown. */
export function severityIn(value: unknown): Severity {
  if (typeof value !== 'string' || value.length > 20) return 'Unknown';
  const name = value.slice(0, 1).toUpperCase() + value.slice(1).toLowerCase();
  return isSeverity(name) ? name : 'Unknown';
}

export function scoreIn(source: string, vector: unknown, score: unknown): EngineFinding['cvss'] {
  if (typeof score !== 'number' || !(score >= 0 && score <= 10)) return [];
  const text = typeof vector === 'string' && /^[A-Za-z0-9:./]{1,200}$/.test(vector) ? vector : '';
  return [{ source: line(source, 50), vector: text, score }];
}

export const scoresIn = (scores: EngineFinding['cvss']): EngineFinding['cvss'] => scores.slice(0, mostScores);

/** Milliseconds of a time; undefined for what is none, or lies outside of what can be. */
export function timeIn(value: unknown, now: number): number | undefined {
  const at = typeof value === 'string' && value.length <= 40 ? Date.parse(value) : Number.NaN;
  return at >= Date.UTC(2010, 0) && at <= now + 86_400_000 ? at : undefined;
}

/**
 * What of a report is kept: each vulnerability of a package in one version once. Beyond `mostDetails` they are kept without what people
 * read of them: all of it is looked at each time that the image is evaluated.
 */
export async function collectFindings(found: Iterable<EngineFinding | undefined>): Promise<{
  findings: EngineFinding[];
  isCut: boolean;
}> {
  const kept = new Map<string, EngineFinding>();
  let details = 0;
  let looked = 0;
  for (const finding of found) {
    if (++looked % readTogether === 0) await turn();
    if (!finding) continue;
    const key = `${finding.id} ${finding.package}@${finding.version} ${finding.purl ?? ''}`;
    if (kept.has(key)) continue;
    if (kept.size === mostFindings) return { findings: [...kept.values()], isCut: true };
    details += detailsOf(finding);
    kept.set(key, details > mostDetails ? { ...finding, cvss: [], summary: '', references: [] } : finding);
  }
  return { findings: [...kept.values()], isCut: false };
}

const detailsOf = ({ summary, references, cvss }: EngineFinding): number =>
  references.reduce((sum, link) => sum + link.length, summary.length) +
  cvss.reduce((sum, { source, vector }) => sum + source.length + vector.length + 32, 0);

/** A version in which it is fixed is what makes it fixed, whatever state it is said to have. */
export function fixIn(fixedVersion: unknown, state: FixState): Pick<EngineFinding, 'fixState' | 'fixedVersion'> {
  const version = nameIn(fixedVersion);
  return version === ''
    ? { fixState: state === 'fixed' ? 'unknown' : state }
    : { fixState: 'fixed', fixedVersion: version };
}
