import { type Database, listsOf, type LookUps, type Transaction } from '../database/index.ts';
import { type Component, compareVersions } from '../packages/index.ts';
import { combine, type Group } from './combine.ts';
import { predictionsOf } from './epss.ts';
import { exploitedOf } from './kev.ts';
import { lentRatings } from './lent-ratings.ts';
import type { OsvRecord } from './osv.ts';
import { type Said, unpack, unpackSaid } from './pack.ts';
import { isMalicious, rate, type Rating } from './rate.ts';
import type { StoredMatch } from './stored-match.ts';
import { sourceOfRecord } from './licences.ts';
import type { Vulnerability } from './vulnerability.ts';
import './tables.ts';

/** Components that are looked at together. */
const atOnce = 64;
const mostReferences = 20;

/** An advisory that matches a component. */
interface Finding {
  record: OsvRecord;
  part: string;
  entry: Said | undefined;
  match: StoredMatch;
}

type Row = Omit<Component, 'version'> & { component_id: number; advisory_id: number; match: string };

/**
 * What is known against components now: one vulnerability for each CVE, whatever number of advisories speak of it, in the order of
 * ids. Components against which nothing is known have an empty list; ids that are none are left out.
 */
export async function vulnerabilitiesOf(
  db: Database | Transaction,
  componentIds: readonly number[],
): Promise<Map<number, Vulnerability[]>> {
  const found = new Map<number, Vulnerability[]>();
  for (let at = 0; at < componentIds.length; at += atOnce) {
    // Reads of SQLite give nobody a turn by themselves; in a transaction nothing else may be awaited.
    if (at > 0 && 'write' in db) await Bun.sleep(0);
    const some = componentIds.slice(at, at + atOnce);
    const findings = await findingsOf(db, some);
    const groups = new Map([...findings].map(([id, of]) => [id, { ...of, groups: combine(of.findings).map(rated) }]));
    const cves = [...groups.values()].flatMap((of) => of.groups.flatMap(cvesOf));
    const distinct = [...new Set(cves)];
    const unrated = [...groups.values()].flatMap((of) =>
      of.groups.filter(({ rating }) => rating.severity === 'Unknown').flatMap(cvesOf),
    );
    const [exploited, predicted, lent] = await Promise.all([
      exploitedOf(db, distinct),
      predictionsOf(db, distinct),
      lentRatings(db, unrated),
    ]);
    // In the order in which they were asked for.
    for (const id of some) {
      const of = groups.get(id);
      if (!of) continue;
      found.set(
        id,
        of.groups.map((group) => vulnerabilityOf(of.ecosystem, group, { exploited, predicted, lent })),
      );
    }
  }
  return found;
}

async function findingsOf(
  db: LookUps,
  ids: readonly number[],
): Promise<Map<number, { ecosystem: string; findings: Finding[] }>> {
  const components = (
    await Promise.all(
      listsOf(ids).map(({ list, values }) =>
        db.all<Component & { id: number }>(
          `SELECT id, ecosystem, release, name, version FROM components WHERE id IN (${list})`,
          values,
        ),
      ),
    )
  ).flat();
  const rows = (
    await Promise.all(
      listsOf(ids).map(({ list, values }) =>
        db.all<Row>(
          `SELECT component_id, advisory_id, match FROM component_matches WHERE component_id IN (${list})`,
          values,
        ),
      ),
    )
  ).flat();
  const advisories = await advisoriesOf(db, [...new Set(rows.map(({ advisory_id }) => advisory_id))]);
  const matched = rows.map((row) => ({ ...row, stored: JSON.parse(row.match) as StoredMatch }));
  const entries = await entriesAt(
    db,
    matched.map(({ advisory_id, stored }) => [advisory_id, stored.at]),
  );
  const found = new Map(components.map(({ id, ecosystem }) => [id, { ecosystem, findings: [] as Finding[] }]));
  for (const { component_id, advisory_id, stored } of matched) {
    const advisory = advisories.get(advisory_id);
    const entry = entries.get(`${advisory_id} ${stored.at}`);
    if (advisory) found.get(component_id)?.findings.push({ ...advisory, entry, match: stored });
  }
  return found;
}

async function advisoriesOf(
  db: LookUps,
  ids: readonly number[],
): Promise<Map<number, { record: OsvRecord; part: string }>> {
  const rows = await Promise.all(
    listsOf(ids).map(({ list, values }) =>
      db.all<{ id: number; part: string; record: Uint8Array }>(
        `SELECT id, part, record FROM advisories WHERE id IN (${list})`,
        values,
      ),
    ),
  );
  return new Map(rows.flat().map(({ id, part, record }) => [id, { part, record: unpack<OsvRecord>(record) }]));
}

/** The entries that matched, by advisory and place. Most advisories have few, so all of one are found together. */
async function entriesAt(
  db: LookUps,
  places: readonly (readonly [advisory: number, at: number])[],
): Promise<Map<string, Said>> {
  const wanted = new Map<number, Set<number>>();
  for (const [advisory, at] of places) {
    const of = wanted.get(at);
    if (of) of.add(advisory);
    else wanted.set(at, new Set([advisory]));
  }
  const found = new Map<string, Said>();
  for (const [at, advisories] of wanted) {
    for (const { list, values } of listsOf([...advisories])) {
      const rows = await db.all<{ advisory_id: number; said: string }>(
        `SELECT advisory_id, said FROM affected_packages WHERE position = ? AND advisory_id IN (${list})`,
        [at, ...values],
      );
      for (const { advisory_id, said } of rows) found.set(`${advisory_id} ${at}`, unpackSaid(said));
    }
  }
  return found;
}

const isCve = (id: string) => id.startsWith('CVE-');
const cvesOf = ({ id, aliases }: Group<Finding>) => [id, ...aliases].filter(isCve);

/** With what its advisories say of how bad it is. */
type RatedGroup = Group<Finding> & { rating: Rating };

function rated(group: Group<Finding>): RatedGroup {
  // A database may give them in any order.
  const members = group.members.toSorted((one, other) => (one.record.id < other.record.id ? -1 : 1));
  return { ...group, members, rating: rate(members) };
}

/** What is known of CVEs, whatever package they are of. */
interface Beside {
  exploited: Awaited<ReturnType<typeof exploitedOf>>;
  predicted: Awaited<ReturnType<typeof predictionsOf>>;
  lent: ReadonlyMap<string, Rating>;
}

function vulnerabilityOf(ecosystem: string, group: RatedGroup, { exploited, predicted, lent }: Beside): Vulnerability {
  const { id, aliases, members, rating } = group;
  const cves = cvesOf(group);
  const kev = cves.map((cve) => exploited.get(cve)).find((found) => found !== undefined);
  const [epss] = cves
    .flatMap((cve) => predicted.get(cve) ?? [])
    .toSorted((one, other) => other.probability - one.probability);
  const fixes = members.flatMap(({ match }) => match.fixed ?? []);
  const [fixedVersion] = fixes.toSorted((one, other) => compareVersions(ecosystem, other, one));
  const records = members.map(({ record }) => record);
  const references = new Set(records.flatMap(({ references: all = [] }) => all.map(({ url }) => url)));
  const sources = members.map(({ record, part }) => sourceOfRecord(record.id, part));
  return {
    id,
    records: records.map((record) => record.id),
    aliases,
    // What is said of the package itself; where nothing is, what is said of the CVE elsewhere.
    ...((rating.severity === 'Unknown' && cves.map((cve) => lent.get(cve)).find((found) => found !== undefined)) ||
      rating),
    ...(kev && { kev }),
    ...(epss && { epss }),
    ...(fixedVersion !== undefined && { fixedVersion }),
    fixState: fixedVersion === undefined ? fixStateOf(members) : 'fixed',
    malicious: records.some(isMalicious),
    possible: members.every(({ match }) => match.possible === true),
    summary: summaryOf(records),
    references: [...references].slice(0, mostReferences),
    sources: [...new Map(sources.map((source) => [source.name, source])).values()],
  };
}

/** What distributions say of what they have not fixed: Debian's `no-dsa`, Trivy's statuses. */
function fixStateOf(members: readonly Finding[]): Vulnerability['fixState'] {
  const said = members.map(({ entry }) => entry?.ecosystem_specific ?? {});
  const wont = said.some(
    ({ status, nodsa_reason: reason, urgency }) =>
      status === 'will_not_fix' || status === 'end_of_life' || reason === 'ignored' || urgency === 'end-of-life',
  );
  if (wont) return 'wont-fix';
  return members.some(({ match }) => match.listed !== true) ? 'not-fixed' : 'unknown';
}

function summaryOf(records: readonly OsvRecord[]): string {
  const summary = records.map((record) => record.summary ?? '').find((text) => text !== '');
  if (summary !== undefined) return summary;
  const [first = ''] = (records.find(({ details }) => details)?.details ?? '').split('\n', 1);
  return first.length > 200 ? `${first.slice(0, 199)}…` : first;
}
