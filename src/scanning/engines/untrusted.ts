import type { FixState } from '../../admission/index.ts';
import { isSeverity, type Severity } from '../../packages/index.ts';
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

/** JSON, or an EngineError that says whose it is. */
export function parseJson(text: string, whose: string): Record<string, unknown> {
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

/** What of a report is kept: each vulnerability of a package in one version once. */
export function collectFindings(found: Iterable<EngineFinding | undefined>): {
  findings: EngineFinding[];
  isCut: boolean;
} {
  const kept = new Map<string, EngineFinding>();
  for (const finding of found) {
    if (!finding) continue;
    const key = `${finding.id} ${finding.package}@${finding.version} ${finding.purl ?? ''}`;
    if (kept.has(key)) continue;
    if (kept.size === mostFindings) return { findings: [...kept.values()], isCut: true };
    kept.set(key, finding);
  }
  return { findings: [...kept.values()], isCut: false };
}

/** A version in which it is fixed is what makes it fixed, whatever state it is said to have. */
export function fixIn(fixedVersion: unknown, state: FixState): Pick<EngineFinding, 'fixState' | 'fixedVersion'> {
  const version = nameIn(fixedVersion);
  return version === ''
    ? { fixState: state === 'fixed' ? 'unknown' : state }
    : { fixState: 'fixed', fixedVersion: version };
}
