import type { EvidenceFinding } from '../admission/index.ts';
import { severities, type Severity, severityRank } from '../packages/index.ts';
import type { EngineFinding } from './engines/engine.ts';
import type { KnownVulnerability } from './knowledge.ts';
import type { MatchedPackage } from './matched-packages.ts';

/** A vulnerability of a package of an image, as it is kept: what else is known of it, advisories say whenever they are asked. */
export interface Finding extends EvidenceFinding {
  /** Place in the components of the inventory. */
  component: number;
  /** Engines beside this server that say so, in the order of their names. */
  engines?: string[];
  /** What the first of them says of it: there where no advisory of this server does. `component` is -1 where none is the package. */
  said?: Pick<EngineFinding, 'severitySource' | 'cvss' | 'summary' | 'references'>;
}

/** Findings that are made before others have a turn. */
const madeTogether = 10_000;

/**
 * One for each package and vulnerability, from the worst to the least, then by vulnerability and package URL. Yields where others
 * may have a turn: some versions of a kernel have a hundred thousand.
 */
export function* findingsIn(
  packages: readonly MatchedPackage[],
  known: ReadonlyMap<number, readonly KnownVulnerability[]>,
  firstSeen: (vulnerability: string, purl: string) => number,
): Generator<void, Finding[]> {
  const findings: Finding[] = [];
  let rested = 0;
  // By package URL, as in seen-findings.ts.
  const found = new Map<string, Set<string>>();
  for (const { componentId, place, purl, installedName, installedVersion } of packages) {
    const vulnerabilities = known.get(componentId) ?? [];
    if (vulnerabilities.length === 0) continue;
    if (findings.length - rested > madeTogether) {
      rested = findings.length;
      yield;
    }
    let of = found.get(purl);
    if (!of) found.set(purl, (of = new Set()));
    for (const vulnerability of vulnerabilities) {
      // The same package in several places of an image is one finding, of the first of them.
      if (of.has(vulnerability.id)) continue;
      of.add(vulnerability.id);
      findings.push({
        ...vulnerability,
        firstSeen: firstSeen(vulnerability.id, purl),
        purl,
        installedName,
        installedVersion,
        component: place,
      });
    }
  }
  return findings.toSorted(worstFirst);
}

/** From the worst to the least, then by vulnerability and package URL. */
export const worstFirst = (a: Finding, b: Finding): number =>
  severityRank(b.severity) - severityRank(a.severity) || order(a.id, b.id) || order(a.purl, b.purl);

/** The worst of findings in their order, so many at most. What only engines say leaves first: none of them crowds out what is known here. */
export function worstOf(findings: readonly Finding[], most: number): Finding[] {
  if (findings.length <= most) return [...findings];
  const own = findings.filter(({ said }) => !said).slice(0, most);
  const others = findings.filter(({ said }) => said).slice(0, most - own.length);
  return [...own, ...others].toSorted(worstFirst);
}

export const keyOf = (vulnerability: string, purl: string): string => `${vulnerability} ${purl}`;

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Numbers of what was found. What is only possible is counted apart. */
export interface Summary extends Record<Lowercase<Severity>, number> {
  fixable: number;
  kev: number;
  malicious: number;
  possible: number;
}

export function summarise(findings: readonly EvidenceFinding[]): Summary {
  const numbers = Object.fromEntries(severities.map((severity) => [severity, 0])) as Record<Severity, number>;
  const rest = { fixable: 0, kev: 0, malicious: 0, possible: 0 };
  for (const { severity, fixable, kev, malicious, possible } of findings) {
    if (possible) {
      rest.possible++;
      continue;
    }
    numbers[severity]++;
    if (fixable) rest.fixable++;
    if (kev) rest.kev++;
    if (malicious) rest.malicious++;
  }
  const bySeverity = severities.map((severity) => [severity.toLowerCase(), numbers[severity]] as const);
  return { ...(Object.fromEntries(bySeverity) as Record<Lowercase<Severity>, number>), ...rest };
}
