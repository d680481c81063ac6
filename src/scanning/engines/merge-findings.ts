import { exploitedOf, predictionsOf } from '../../advisories/index.ts';
import type { Database } from '../../database/index.ts';
import type { ImageComponent } from '../../inventory/index.ts';
import { normalisePythonName, purlOf } from '../../packages/index.ts';
import { type Finding, keyOf, worstFirst } from '../findings.ts';
import type { EngineFinding } from './engine.ts';
import type { SaidByEngines } from './engine-store.ts';

export interface MergeOptions {
  components: readonly ImageComponent[];
  firstSeen(vulnerability: string, purl: string): number;
  /** What is known of CVEs by catalogues that speak of all packages. */
  exploited: ReadonlyMap<string, unknown>;
  predicted: ReadonlyMap<string, { probability: number }>;
}

/**
 * What is known against an image, with what engines say (the union):
 *
 * - A vulnerability that advisories of this server name against a package stays as they have it, whatever engines say of its
 *   severity or fix. The finding names the engines that say so, too.
 * - What only engines say is a finding of its own, as the first of them has it, in the order of their names.
 * - No engine takes anything away: one that says nothing, or lies, makes no image cleaner than it is.
 *
 * A package is the same where package URLs are, but for qualifiers; else where name and version are.
 */
export function mergeFindings(
  native: readonly Finding[],
  { reports }: Pick<SaidByEngines, 'reports'>,
  options: MergeOptions,
): Finding[] {
  if (reports.every(({ findings }) => findings.length === 0)) return [...native];
  const places = placesOf(options.components);
  const merged = native.map((finding) => ({ ...finding }));
  const known = new Map<string, Finding>();
  for (const finding of merged) {
    for (const id of [finding.id, ...finding.aliases]) known.set(keyOf(id.toUpperCase(), finding.purl), finding);
  }
  for (const { engine, findings } of reports) {
    for (const said of findings) {
      const place = placeOf(said, places);
      const component = place === undefined ? undefined : options.components[place];
      const purl =
        component?.purl ?? said.purl ?? purlOf({ type: 'generic', name: said.package, version: said.version });
      const key = keyOf(said.id.toUpperCase(), purl);
      let finding = known.get(key);
      if (!finding) {
        finding = findingOf(said, { purl, component, place }, options);
        known.set(key, finding);
        merged.push(finding);
      }
      if (!finding.engines?.includes(engine)) finding.engines = [...(finding.engines ?? []), engine];
    }
  }
  return merged.toSorted(worstFirst);
}

/** The same, with what is known of the CVEs of engines beside packages: whether they are exploited, and how likely that is. */
export async function withEngines(
  db: Database,
  native: readonly Finding[],
  said: Pick<SaidByEngines, 'reports'>,
  options: Pick<MergeOptions, 'components' | 'firstSeen'>,
): Promise<Finding[]> {
  const cves = cvesIn(said);
  const [exploited, predicted] = await Promise.all([exploitedOf(db, cves), predictionsOf(db, cves)]);
  return mergeFindings(native, said, { ...options, exploited, predicted });
}

function cvesIn({ reports }: Pick<SaidByEngines, 'reports'>): string[] {
  const ids = reports.flatMap(({ findings }) => findings.map(({ id }) => id));
  return [...new Set(ids.filter((id) => /^CVE-[0-9]{4}-[0-9]{4,12}$/.test(id)))];
}

function findingOf(
  said: EngineFinding,
  { purl, component, place }: { purl: string; component: ImageComponent | undefined; place: number | undefined },
  { firstSeen, exploited, predicted }: MergeOptions,
): Finding {
  const epss = predicted.get(said.id)?.probability;
  return {
    id: said.id,
    aliases: [],
    severity: said.severity,
    fixable: said.fixState === 'fixed',
    fixState: said.fixState,
    kev: exploited.has(said.id),
    ...(epss !== undefined && { epss }),
    malicious: false,
    firstSeen: firstSeen(said.id, purl),
    purl,
    installedName: component?.installedName ?? said.package,
    installedVersion: component?.installedVersion ?? said.version,
    ...(said.fixedVersion !== undefined && { fixedVersion: said.fixedVersion }),
    component: place ?? -1,
    said: {
      severitySource: said.severitySource,
      cvss: said.cvss,
      summary: said.summary,
      references: said.references,
    },
  };
}

/** Where packages are in an inventory, by all that engines may call them. */
function placesOf(components: readonly ImageComponent[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  const add = (key: string, at: number) => void (places.has(key) || places.set(key, at));
  for (const [at, { purl, installedName, installedVersion, name, version }] of components.entries()) {
    add(bare(purl), at);
    for (const one of [installedName, name]) for (const of of [installedVersion, version]) add(named(one, of), at);
  }
  return places;
}

function placeOf(said: EngineFinding, places: ReadonlyMap<string, number>): number | undefined {
  const found = said.purl === undefined ? undefined : places.get(bare(said.purl));
  return (
    found ??
    places.get(named(said.package, said.version)) ??
    places.get(named(normalisePythonName(said.package), said.version)) ??
    // Go modules have their versions with and without the letter.
    places.get(named(said.package, said.version.startsWith('v') ? said.version.slice(1) : `v${said.version}`))
  );
}

const bare = (purl: string): string => purl.replace(/[?#].*$/s, '');
const named = (name: string, version: string): string => `${name.toLowerCase()}\0${version}`;
