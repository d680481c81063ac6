import { exploitedOf, predictionsOf, type Vulnerability, vulnerabilitiesOf } from '../advisories/index.ts';
import type { Database } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { severityRank } from '../packages/index.ts';
import type { FindingsInput, FindingView } from './contract.ts';
import { readFindings } from './findings-store.ts';
import type { Finding } from './findings.ts';
import { readInventory, type StoredInventory } from './image-store.ts';
import { turn } from './turn.ts';

/**
 * What is known against the packages of images, with all that advisories say of it: of those that were asked for, from the worst
 * to the least.
 */
export async function showFindings(
  db: Database,
  scans: readonly { id: number; digest: Digest }[],
  { skip, top, ...filter }: FindingsInput,
): Promise<{ total: number; findings: FindingView[] }> {
  const wanted: { scan: { id: number; digest: Digest }; finding: Finding }[] = [];
  for (const scan of scans) {
    const found = await readFindings(db, scan.id);
    await turn();
    for (const finding of found?.findings ?? []) if (isWanted(finding, filter)) wanted.push({ scan, finding });
  }
  // Stable: those of an image stay in their order.
  if (scans.length > 1)
    wanted.sort(({ finding: a }, { finding: b }) => severityRank(b.severity) - severityRank(a.severity));
  const page = wanted.slice(skip, skip + top);
  const shown = new Map<number, StoredInventory | undefined>();
  for (const { scan } of page) if (!shown.has(scan.id)) shown.set(scan.id, await readInventory(db, scan.id));
  const ids = page.map(({ scan, finding }) => shown.get(scan.id)?.componentIds[finding.component] ?? null);
  const known = await vulnerabilitiesOf(db, [...new Set(ids.filter((id) => id !== null))]);
  const beside = await knownBeside(
    db,
    page.map(({ finding }) => finding),
  );
  return {
    total: wanted.length,
    findings: page.flatMap(({ scan: { id, digest }, finding }) => {
      const stored = shown.get(id);
      // It is being read anew at this moment.
      if (!stored || (finding.component >= 0 && !stored.inventory.components[finding.component])) return [];
      return [viewOf(digest, finding, stored, finding.said ? beside.get(finding) : knownOf(finding, stored, known))];
    }),
  };
}

type Filter = Pick<FindingsInput, 'severity' | 'fixable' | 'vulnerability'>;

function isWanted(finding: Finding, { severity, fixable, vulnerability }: Filter): boolean {
  const asked = vulnerability?.toUpperCase();
  return (
    (severity === undefined || severityRank(finding.severity) >= severityRank(severity)) &&
    (fixable === undefined || finding.fixable === fixable) &&
    (asked === undefined || [finding.id, ...finding.aliases].some((id) => id.toUpperCase() === asked))
  );
}

function knownOf(
  finding: Finding,
  { componentIds }: StoredInventory,
  known: ReadonlyMap<number, readonly Vulnerability[]>,
): Vulnerability | undefined {
  const id = componentIds[finding.component];
  return id == null ? undefined : known.get(id)?.find((one) => one.id === finding.id);
}

/** What catalogues say of a CVE that no advisory of this server names: the rest is what an engine has said. */
type KnownBeside = Pick<Partial<Vulnerability>, 'kev' | 'epss'>;

async function knownBeside(db: Database, page: readonly Finding[]): Promise<Map<Finding, KnownBeside>> {
  const said = page.filter((finding) => finding.said);
  const cves = [...new Set(said.map(({ id }) => id))];
  const [exploited, predicted] = await Promise.all([exploitedOf(db, cves), predictionsOf(db, cves)]);
  return new Map(
    said.map((finding) => {
      const [kev, epss] = [exploited.get(finding.id), predicted.get(finding.id)];
      return [finding, { ...(kev && { kev }), ...(epss && { epss }) }];
    }),
  );
}

/** A finding whose advisory has changed this moment is shown as it was evaluated. */
function viewOf(
  image: Digest,
  finding: Finding,
  { inventory }: StoredInventory,
  now: Partial<Vulnerability> | undefined,
): FindingView {
  const { said, engines = [] } = finding;
  // Of a package that an engine alone has found it is not known where it is.
  const component = inventory.components[finding.component];
  return {
    image,
    vulnerability: finding.id,
    records: now?.records ?? [],
    aliases: now?.aliases ?? [...finding.aliases],
    severity: finding.severity,
    severitySource: said?.severitySource ?? now?.severitySource ?? '',
    cvss: said?.cvss ?? now?.cvss ?? [],
    ...(now?.epss && { epss: now.epss }),
    ...(now?.kev && { kev: now.kev }),
    malicious: finding.malicious,
    possible: finding.possible === true,
    component: {
      name: finding.installedName,
      version: finding.installedVersion,
      source: component?.name ?? finding.installedName,
      purl: finding.purl,
      path: component?.path ?? '',
      layer: component?.layer ?? '',
      layerIndex: component?.layerIndex ?? -1,
    },
    fix: {
      state: finding.fixState ?? (finding.fixable ? 'fixed' : 'unknown'),
      ...(finding.fixedVersion !== undefined && { version: finding.fixedVersion }),
    },
    summary: said?.summary ?? now?.summary ?? '',
    references: said?.references ?? now?.references ?? [],
    sources: now?.sources ?? [],
    engines: said ? engines : ['native', ...engines],
    firstSeen: new Date(finding.firstSeen).toISOString(),
  };
}
