import type { Vulnerability } from '../advisories/index.ts';
import type { EvidenceFinding } from '../admission/index.ts';
import type { ImageComponent } from '../inventory/index.ts';
import { severities, type Severity } from '../packages/index.ts';
import type { EngineFinding } from './engines/engine.ts';
import type { StoredInventory } from './image-store.ts';

/** A vulnerability of a package of an image, as it is kept: what else is known of it, advisories say whenever they are asked. */
export interface Finding extends EvidenceFinding {
  /** Place in the components of the inventory. */
  component: number;
  /** Engines beside this server that say so, in the order of their names. */
  engines?: string[];
  /** What the first of them says of it: there where no advisory of this server does. `component` is -1 where none is the package. */
  said?: Pick<EngineFinding, 'severitySource' | 'cvss' | 'summary' | 'references'>;
}

/** One for each package and vulnerability, from the worst to the least, then by vulnerability and package URL. */
export function findingsIn(
  { inventory, componentIds }: Pick<StoredInventory, 'inventory' | 'componentIds'>,
  known: ReadonlyMap<number, readonly Vulnerability[]>,
  firstSeen: (vulnerability: string, purl: string) => number,
): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const [at, component] of inventory.components.entries()) {
    const id = componentIds[at];
    for (const vulnerability of (id != null && known.get(id)) || []) {
      const key = keyOf(vulnerability.id, component.purl);
      // The same package in several places of an image is one finding, of the first of them.
      if (seen.has(key)) continue;
      seen.add(key);
      findings.push(findingOf(component, at, vulnerability, firstSeen(vulnerability.id, component.purl)));
    }
  }
  return findings.toSorted(worstFirst);
}

/** From the worst to the least, then by vulnerability and package URL. */
export const worstFirst = (a: Finding, b: Finding): number =>
  severities.indexOf(b.severity) - severities.indexOf(a.severity) || order(a.id, b.id) || order(a.purl, b.purl);

export const keyOf = (vulnerability: string, purl: string): string => `${vulnerability} ${purl}`;

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function findingOf(
  { purl, installedName, installedVersion }: ImageComponent,
  component: number,
  found: Vulnerability,
  firstSeen: number,
): Finding {
  return {
    id: found.id,
    aliases: [...new Set([...found.aliases, ...found.records])].filter((alias) => alias !== found.id),
    severity: found.severity,
    fixable: found.fixState === 'fixed',
    fixState: found.fixState,
    kev: found.kev !== undefined,
    ...(found.epss && { epss: found.epss.probability }),
    malicious: found.malicious,
    firstSeen,
    purl,
    installedName,
    installedVersion,
    ...(found.fixedVersion !== undefined && { fixedVersion: found.fixedVersion }),
    ...(found.possible && { possible: true }),
    component,
  };
}

/** Numbers of what was found. What is only possible is counted apart. */
export interface Summary extends Record<Lowercase<Severity>, number> {
  fixable: number;
  kev: number;
  malicious: number;
  possible: number;
}

export function summarise(findings: readonly EvidenceFinding[]): Summary {
  const summary = Object.fromEntries(severities.map((severity) => [severity.toLowerCase(), 0])) as unknown as Summary;
  Object.assign(summary, { fixable: 0, kev: 0, malicious: 0, possible: 0 });
  for (const { severity, fixable, kev, malicious, possible } of findings) {
    if (possible) {
      summary.possible++;
      continue;
    }
    summary[severity.toLowerCase() as Lowercase<Severity>]++;
    if (fixable) summary.fixable++;
    if (kev) summary.kev++;
    if (malicious) summary.malicious++;
  }
  return summary;
}
