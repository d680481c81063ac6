import { listsOf, type LookUps } from '../database/index.ts';
import type { OsvRecord } from './osv.ts';
import { unpack } from './pack.ts';
import { isMalicious, rate, type Rating, type Statement } from './rate.ts';
import type { StoredAdvisory } from './read-record.ts';
import './tables.ts';

/*
 * Alpine's secdb and Go's own records say which versions are bad, and not how bad that is. What others say of the same CVE, of
 * whatever package, is better than nothing: records of GitHub and of Debian with a vector of CVSS, trivy-db with that of NVD. Only
 * what is said of the vulnerability as a whole is lent; what a distribution says of its own package is about that package.
 */

/** Most advisories that are asked about one CVE, the oldest here first, so that it is the same answer each time. */
const mostLenders = 50;

/** Whether an advisory, or what it says of a package, has a severity. */
export function isRated({ record, affected }: Pick<StoredAdvisory, 'record' | 'affected'>): boolean {
  const says = (statement: Statement) => rate([statement]).severity !== 'Unknown';
  return says({ record, entry: undefined }) || affected.some(({ entry }) => says({ record, entry }));
}

/** The CVEs for which the severity of an advisory speaks: not those of a notice on several. */
export function lentTo({ id, aliases = [], upstream = [] }: Pick<OsvRecord, 'id' | 'aliases' | 'upstream'>): string[] {
  const own = [id, ...aliases].filter(isCve);
  if (own.length > 0) return own;
  const others = upstream.filter(isCve);
  return others.length === 1 ? others : [];
}

const isCve = (id: string) => id.startsWith('CVE-');

/** What advisories of any package say of CVEs; nothing of one that nobody rates. */
export async function lentRatings(db: LookUps, cves: readonly string[]): Promise<Map<string, Rating>> {
  const lenders = new Map<string, Statement[]>();
  for (const { list, values } of listsOf([...new Set(cves)])) {
    const rows = await db.all<{ alias: string; record: Uint8Array }>(
      `SELECT alias, record FROM (
          SELECT a.alias AS alias, r.record AS record,
            row_number() OVER (PARTITION BY a.alias ORDER BY a.advisory_id) AS place
          FROM advisory_aliases a JOIN advisories r ON r.id = a.advisory_id WHERE a.alias IN (${list}) AND r.rated = 1
        ) AS lenders WHERE place <= ${mostLenders}`,
      values,
    );
    for (const { alias, record: packed } of rows) {
      const record = unpack<OsvRecord>(packed);
      if (isMalicious(record) || !lentTo(record).includes(alias)) continue;
      const of = lenders.get(alias);
      if (of) of.push({ record, entry: undefined });
      else lenders.set(alias, [{ record, entry: undefined }]);
    }
  }
  const ratings = new Map<string, Rating>();
  for (const [cve, statements] of lenders) {
    const { severity, severitySource, cvss } = rate(statements);
    if (severity !== 'Unknown')
      ratings.set(cve, { severity, severitySource: `${severitySource}, of another package`, cvss });
  }
  return ratings;
}

/** The CVEs that stored advisories have lent something to, or could have. */
export async function cvesNamedBy(db: LookUps, advisories: readonly number[]): Promise<string[]> {
  const found: string[] = [];
  for (const { list, values } of listsOf(advisories)) {
    const rows = await db.all<{ alias: string }>(
      `SELECT alias FROM advisory_aliases WHERE advisory_id IN (${list})`,
      values,
    );
    for (const { alias } of rows) if (isCve(alias)) found.push(alias);
  }
  return found;
}

/** The components that may have borrowed what advisories say of CVEs: against which one is known that nobody else rates. */
export async function borrowersOf(db: LookUps, cves: readonly string[]): Promise<number[]> {
  const found: number[] = [];
  for (const { list, values } of listsOf([...new Set(cves)])) {
    const rows = await db.all<{ component_id: number }>(
      `SELECT m.component_id FROM advisory_aliases a JOIN advisories r ON r.id = a.advisory_id
          JOIN component_matches m ON m.advisory_id = a.advisory_id WHERE a.alias IN (${list}) AND r.rated = 0`,
      values,
    );
    for (const { component_id } of rows) found.push(component_id);
  }
  return found;
}
