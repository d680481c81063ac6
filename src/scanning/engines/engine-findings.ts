import { type Database, listsOf, type Parameter, rowsOf, type Transaction } from '../../database/index.ts';
import { advisoryName, languageEcosystem, normalisePythonName, parsePurl } from '../../packages/index.ts';
import type { Finding } from '../findings.ts';
import './tables.ts';

/*
 * Which images have a vulnerability of which only engines know. What advisories of this server say is found by components
 * instead: no row is written for it.
 */

/** The findings of images as they are kept now, and whether engines have had a word on what was kept before. */
export interface KeptByEngines {
  scanId: number;
  findings: readonly Finding[];
  hadEngines: boolean;
}

/** Keeps what of these findings only engines say, in place of what was kept of the same images. */
export function keepEngineFindings(tx: Transaction, images: readonly KeptByEngines[]): void {
  const before = images.filter(({ hadEngines }) => hadEngines).map(({ scanId }) => scanId);
  for (const { list, values } of listsOf(before))
    tx.send(`DELETE FROM engine_findings WHERE scan_id IN (${list})`, values);
  const cells = images.flatMap(({ scanId, findings }) =>
    findings.filter(({ said }) => said).map(({ id, purl }): Parameter[] => [idOf(id), scanId, purl]),
  );
  for (const { rows, values } of rowsOf(cells)) {
    // An engine may write the id of a CVE in two ways.
    tx.send(`INSERT INTO engine_findings (vulnerability, scan_id, purl) VALUES ${rows} ON CONFLICT DO NOTHING`, values);
  }
}

/** The next `limit` scans of images of which an engine says so. */
export async function scansByEngines(
  db: Database,
  vulnerability: string,
  after: number,
  limit: number,
): Promise<number[]> {
  const rows = await db.all<{ id: number }>(
    `SELECT DISTINCT scan_id AS id FROM engine_findings WHERE vulnerability = ? AND scan_id > ? ORDER BY scan_id LIMIT ?`,
    [idOf(vulnerability), after, limit],
  );
  return rows.map(({ id }) => id);
}

export interface EnginePackage {
  ecosystem: string;
  name: string;
  version: string;
}

/** Of which packages of these images engines say so; where a `component` is asked for, only of that. */
export async function packagesByEngines(
  db: Database,
  { vulnerability, component }: { vulnerability: string; component: string | undefined },
  scanIds: readonly number[],
): Promise<Map<number, EnginePackage[]>> {
  const found = listsOf(scanIds).map(({ list, values }) =>
    db.all<{ id: number; purl: string }>(
      `SELECT scan_id AS id, purl FROM engine_findings WHERE vulnerability = ? AND scan_id IN (${list})
        ORDER BY scan_id, purl`,
      [idOf(vulnerability), ...values],
    ),
  );
  const packages = new Map<number, EnginePackage[]>();
  for (const { id, purl } of (await Promise.all(found)).flat()) {
    const one = packageOf(purl);
    if (component !== undefined && !isAsked(one, component)) continue;
    packages.set(id, [...(packages.get(id) ?? []), one]);
  }
  return packages;
}

/** What a package URL names, as advisories would; the distribution, or the type, in place of an ecosystem that is none. */
function packageOf(purl: string): EnginePackage {
  const { type = '', namespace, name = purl, version = '' } = parsePurl(purl) ?? {};
  const ecosystem = languageEcosystem(type);
  return ecosystem === undefined
    ? { ecosystem: namespace ?? type, name, version }
    : { ecosystem, name: advisoryName(ecosystem, namespace, name), version };
}

/** Whether somebody means this package: by a name as `findComponents` takes it, or by a package URL with a version or without. */
function isAsked(one: EnginePackage, asked: string): boolean {
  if (!parsePurl(asked)) return [asked, asked.toLowerCase(), normalisePythonName(asked)].includes(one.name);
  const { ecosystem, name, version } = packageOf(asked);
  return ecosystem === one.ecosystem && name === one.name && (version === '' || version === one.version);
}

/** CVEs are the same in capitals or not, as people ask for them. */
const idOf = (vulnerability: string): string =>
  /^cve-/i.test(vulnerability) ? vulnerability.toUpperCase() : vulnerability;
