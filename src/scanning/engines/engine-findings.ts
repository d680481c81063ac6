import { askedId } from '../../advisories/index.ts';
import { type Database, listsOf, type Parameter, rowsOf, type Transaction } from '../../database/index.ts';
import { advisoryName, languageEcosystem, normalisePythonName, parsePurl } from '../../packages/index.ts';
import type { Finding } from '../findings.ts';
import { turn } from '../turn.ts';
import './tables.ts';

/*
 * Which images have a vulnerability of which only engines know. What advisories of this server say is found by components
 * instead: no row is written for it.
 */

/**
 * Characters of a package URL that are kept of it: PostgreSQL indexes up to 2,704 bytes of a row, and one longer would keep all else of
 * its image from being known. Whoever has names as long as that is found, and its version may be cut.
 */
const mostPurl = 600;
/** Packages that are named of one image, and rows that are looked through at a time for one that is asked for. */
const mostNamed = 20;
const atOnce = 1000;

/** The findings of images as they are kept now, and whether there may be others that were kept before. */
export interface KeptByEngines {
  scanId: number;
  findings: readonly Finding[];
  isFirst: boolean;
}

/**
 * Keeps what of these findings only engines say, in place of what was kept of the same images. Most of it is there already, whenever
 * something else is known than before.
 */
export async function keepEngineFindings(tx: Transaction, images: readonly KeptByEngines[]): Promise<void> {
  const kept = await keptBefore(
    tx,
    images.filter(({ isFirst }) => !isFirst).map(({ scanId }) => scanId),
  );
  const added: Parameter[][] = [];
  for (const { scanId, findings } of images) {
    for (const { id, purl, said } of findings) {
      if (!said) continue;
      const row: Row = { vulnerability: askedId(id), scanId, purl: keptOf(purl) };
      // An engine may write the id of a CVE in two ways.
      if (!kept.delete(keyOf(row))) added.push([row.vulnerability, scanId, row.purl]);
    }
  }
  for (const { vulnerability, scanId, purl } of kept.values()) {
    tx.send('DELETE FROM engine_findings WHERE vulnerability = ? AND scan_id = ? AND purl = ?', [
      vulnerability,
      scanId,
      purl,
    ]);
  }
  for (const { rows, values } of rowsOf(added))
    tx.send(`INSERT INTO engine_findings (vulnerability, scan_id, purl) VALUES ${rows} ON CONFLICT DO NOTHING`, values);
}

interface Row {
  vulnerability: string;
  scanId: number;
  purl: string;
}

const keyOf = ({ vulnerability, scanId, purl }: Row): string => `${scanId} ${vulnerability} ${purl}`;

async function keptBefore(tx: Transaction, scanIds: readonly number[]): Promise<Map<string, Row>> {
  const found = listsOf(scanIds).map(({ list, values }) =>
    tx.all<Row>(
      `SELECT vulnerability, scan_id AS "scanId", purl FROM engine_findings WHERE scan_id IN (${list})`,
      values,
    ),
  );
  return new Map((await Promise.all(found)).flat().map((row) => [keyOf(row), row]));
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
    [askedId(vulnerability), after, limit],
  );
  return rows.map(({ id }) => id);
}

export interface EnginePackage {
  ecosystem: string;
  name: string;
  version: string;
}

/**
 * Of which packages of these images engines say so, the first of each; where a `component` is asked for, only of that. One that lies
 * may name thousands of packages of an image: no more of them are read at once than are looked through.
 */
export async function packagesByEngines(
  db: Database,
  { vulnerability, component }: { vulnerability: string; component: string | undefined },
  scanIds: readonly number[],
): Promise<Map<number, EnginePackage[]>> {
  const id = askedId(vulnerability);
  const found = scanIds.map(async (scanId) => {
    if (component === undefined) return (await page(db, [id, scanId, ''], mostNamed)).map(packageOf);
    const asked: EnginePackage[] = [];
    for (let after = ''; ;) {
      const purls = await page(db, [id, scanId, after], atOnce);
      asked.push(...purls.map(packageOf).filter((one) => isAsked(one, component)));
      if (purls.length < atOnce || asked.length >= mostNamed) return asked.slice(0, mostNamed);
      after = purls.at(-1)!;
      await turn();
    }
  });
  const packages = await Promise.all(found);
  return new Map(scanIds.map((scanId, at) => [scanId, packages[at]!]));
}

/** The next package URLs of an image behind one. */
async function page(db: Database, behind: [vulnerability: string, scanId: number, purl: string], limit: number) {
  const rows = await db.all<{ purl: string }>(
    'SELECT purl FROM engine_findings WHERE vulnerability = ? AND scan_id = ? AND purl > ? ORDER BY purl LIMIT ?',
    [...behind, limit],
  );
  return rows.map(({ purl }) => purl);
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

/** Well-formed: a pair of code units may be cut in two. */
const keptOf = (purl: string): string => purl.slice(0, mostPurl).toWellFormed();
