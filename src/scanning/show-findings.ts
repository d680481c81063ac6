import { type Vulnerability, vulnerabilitiesOf } from '../advisories/index.ts';
import type { Database } from '../database/index.ts';
import { severityRank } from '../packages/index.ts';
import type { FindingsInput, FindingView } from './contract.ts';
import { readFindings } from './evaluate-image.ts';
import type { Finding } from './findings.ts';
import { readInventory, type StoredInventory } from './image-store.ts';

/** What is known against the packages of an image, with all that advisories say of it; of those that were asked for. */
export async function showFindings(
  db: Database,
  scanId: number,
  { severity, fixable, vulnerability, skip, top }: FindingsInput,
): Promise<{ total: number; findings: FindingView[] }> {
  const [stored, found] = await Promise.all([readInventory(db, scanId), readFindings(db, scanId)]);
  if (!stored || !found) return { total: 0, findings: [] };
  const wanted = found.findings.filter(
    (finding) =>
      (severity === undefined || severityRank(finding.severity) >= severityRank(severity)) &&
      (fixable === undefined || finding.fixable === fixable) &&
      (vulnerability === undefined || finding.id === vulnerability || finding.aliases.includes(vulnerability)),
  );
  const page = wanted.slice(skip, skip + top);
  const ids = page.map(({ component }) => stored.componentIds[component] ?? null).filter((id) => id !== null);
  const known = await vulnerabilitiesOf(db, [...new Set(ids)]);
  return { total: wanted.length, findings: page.map((finding) => viewOf(finding, stored, known)) };
}

/** A finding whose advisory has changed this moment is shown as it was evaluated. */
function viewOf(
  finding: Finding,
  { inventory, componentIds }: StoredInventory,
  known: ReadonlyMap<number, readonly Vulnerability[]>,
): FindingView {
  const component = inventory.components[finding.component]!;
  const id = componentIds[finding.component];
  const now = id == null ? undefined : known.get(id)?.find((one) => one.id === finding.id);
  return {
    vulnerability: finding.id,
    records: now?.records ?? [],
    aliases: now?.aliases ?? [...finding.aliases],
    severity: finding.severity,
    severitySource: now?.severitySource ?? '',
    cvss: now?.cvss ?? [],
    ...(now?.epss && { epss: now.epss }),
    ...(now?.kev && { kev: now.kev }),
    malicious: finding.malicious,
    possible: finding.possible === true,
    component: {
      name: component.installedName,
      version: component.installedVersion,
      source: component.name,
      purl: component.purl,
      path: component.path,
      layer: component.layer,
      layerIndex: component.layerIndex,
    },
    fix: {
      state: finding.fixState ?? (finding.fixable ? 'fixed' : 'unknown'),
      ...(finding.fixedVersion !== undefined && { version: finding.fixedVersion }),
    },
    summary: now?.summary ?? '',
    references: now?.references ?? [],
    sources: now?.sources ?? [],
    firstSeen: new Date(finding.firstSeen).toISOString(),
  };
}

export interface FindingChange {
  vulnerability: string;
  purl: string;
  change: 'opened' | 'closed';
  /** ms. */
  at: number;
  advisoryRevision: number;
}

/** What came and went since an image was first scanned, the newest first. */
export function changesOf(db: Database, scanId: number, limit: number): Promise<FindingChange[]> {
  return db.all<FindingChange>(
    `SELECT vulnerability, purl, "change", at, advisory_revision AS "advisoryRevision" FROM finding_changes
      WHERE scan_id = ? ORDER BY id DESC LIMIT ?`,
    [scanId, limit],
  );
}
