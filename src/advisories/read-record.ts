import { createHash } from 'node:crypto';
import { advisoryName, parseEcosystem } from '../packages/index.ts';
import { bounds, line } from './bounds.ts';
import type { OsvAffected, OsvEvent, OsvRange, OsvRecord, OsvSeverity } from './osv.ts';

/** An advisory as it is stored. */
export interface StoredAdvisory {
  recordId: string;
  /** Of all that follows. */
  digest: string;
  /** Without what it affects. */
  record: OsvRecord;
  affected: { ecosystem: string; release: string; name: string; entry: OsvAffected }[];
  /** Every id that finds it, its own included. */
  aliases: string[];
}

export type ReadRecord =
  | { kind: 'advisory'; advisory: StoredAdvisory }
  /** Withdrawn, or it affects nothing of what is asked for. */
  | { kind: 'gone'; recordId: string }
  /** What was known of it, where it has an id, still is. */
  | { kind: 'refused'; reason: string; recordId?: string };

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:+/@~-]{0,255}$/;

/**
 * Reads a record of OSV (schema 1.7) that may be anything: what is known of it, within bounds. `only`: of what it affects, this
 * ecosystem alone. Pure.
 */
export function readRecord(json: unknown, only?: string): ReadRecord {
  const given = objectOf(json);
  const id = given?.['id'];
  if (!given || typeof id !== 'string' || !idPattern.test(id)) return refused('a record has no id');
  if (typeof given['withdrawn'] === 'string' && given['withdrawn'] !== '') return { kind: 'gone', recordId: id };
  const listed = listOf(given['affected']);
  let isMalformed = !isList(given['affected']);
  if (listed.length > bounds.affected) return refused(`${id} affects more than ${bounds.affected} packages`, id);
  const affected: StoredAdvisory['affected'] = [];
  const ranges = new Map<string, number>();
  for (const one of listed) {
    const entry = readAffected(one);
    if (entry === 'beyond') return refused(`${id} names more than ${bounds.versions} versions of a package`, id);
    if (entry === 'malformed') isMalformed = true;
    if (!entry || entry === 'malformed') continue;
    const { ecosystem, release } = parseEcosystem(entry.package!.ecosystem)!;
    if (only !== undefined && ecosystem !== only) continue;
    const { name } = entry.package!;
    // Each is compared with each version of the package that there is, while others who write wait.
    const count = (ranges.get(`${ecosystem}\n${name}`) ?? 0) + Math.max(1, entry.ranges?.length ?? 0);
    if (count > bounds.ranges) return refused(`${id} names more than ${bounds.ranges} ranges of a package`, id);
    ranges.set(`${ecosystem}\n${name}`, count);
    affected.push({ ecosystem, release, name, entry });
  }
  // What was known of it is better than what nobody can read.
  if (affected.length === 0 && isMalformed)
    return refused(`${id} does not say what it affects in a form that can be read`, id);
  if (affected.length === 0) return { kind: 'gone', recordId: id };
  const record = readBase(given, id);
  const aliases = [...new Set([id, ...(record.aliases ?? []), ...(record.upstream ?? [])])];
  // When it was looked at last is no change of what it says.
  const { modified: _, ...said } = record;
  const content = JSON.stringify([said, affected.map(({ entry }) => entry)]);
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 32);
  return { kind: 'advisory', advisory: { recordId: id, digest, record, affected, aliases } };
}

function readBase(given: Record<string, unknown>, id: string): OsvRecord {
  const own = ownOf(given['database_specific']);
  const summary = line(given['summary'], bounds.summary);
  return {
    id,
    ...textOf('modified', given['modified']),
    ...textOf('published', given['published']),
    ...idsOf('aliases', given['aliases'], id),
    ...idsOf('upstream', given['upstream'], id),
    ...(summary !== '' && { summary }),
    ...detailsOf(given['details']),
    ...severitiesOf(given['severity']),
    ...referencesOf(given['references']),
    ...(own && { database_specific: own }),
  };
}

function readAffected(value: unknown): OsvAffected | 'beyond' | 'malformed' | undefined {
  const given = objectOf(value);
  const subject = objectOf(given?.['package']);
  if (!given || !subject) return undefined;
  const [ecosystem, spelled] = [nameOf(subject['ecosystem']), nameOf(subject['name'])];
  const base = ecosystem === undefined ? undefined : parseEcosystem(ecosystem)?.ecosystem;
  if (ecosystem === undefined || base === undefined || spelled === undefined) return undefined;
  // Components are looked up by it.
  const name = advisoryName(base, undefined, spelled);
  const versions = listOf(given['versions']);
  const ranges = listOf(given['ranges']);
  if (versions.length > bounds.versions || ranges.length > bounds.ranges) return 'beyond';
  const read = ranges.map(readRange);
  if (read.some((range) => range === 'beyond')) return 'beyond';
  const kept = read.filter((range): range is OsvRange => typeof range === 'object');
  const exact = versions.map(nameOf).filter((version) => version !== undefined);
  // Nothing to compare: what is affected is said in commits alone.
  if (kept.length === 0 && exact.length === 0) return saysVersions(given) ? 'malformed' : undefined;
  const specific = ownOf(given['ecosystem_specific']);
  const own = ownOf(given['database_specific']);
  return {
    package: { ecosystem, name },
    ...(kept.length > 0 && { ranges: kept }),
    ...(exact.length > 0 && { versions: exact }),
    ...severitiesOf(given['severity']),
    ...(specific && { ecosystem_specific: specific }),
    ...(own && { database_specific: own }),
  };
}

/** Whether something is said of versions, in whatever form. */
function saysVersions({ ranges, versions }: Record<string, unknown>): boolean {
  if (!isList(ranges) || !isList(versions) || listOf(versions).length > 0) return true;
  return listOf(ranges).some((range) => objectOf(range)?.['type'] !== 'GIT');
}

const eventKinds = ['introduced', 'fixed', 'last_affected', 'limit'] as const;

function readRange(value: unknown): OsvRange | 'beyond' | undefined {
  const given = objectOf(value);
  const type = given?.['type'];
  // Images hold no commits.
  if (type !== 'ECOSYSTEM' && type !== 'SEMVER') return undefined;
  const listed = listOf(given!['events']);
  if (listed.length > bounds.versions) return 'beyond';
  const events = listed.flatMap((event): OsvEvent[] => {
    const one = objectOf(event);
    return eventKinds.flatMap((kind) => {
      const version = one && nameOf(one[kind]);
      return version === undefined ? [] : [{ [kind]: version }];
    });
  });
  return events.length === 0 ? undefined : { type, events };
}

const refused = (reason: string, recordId?: string): ReadRecord => ({
  kind: 'refused',
  reason,
  ...(recordId !== undefined && { recordId }),
});

export function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** A list, or nothing. */
const isList = (value: unknown) => value === undefined || value === null || Array.isArray(value);

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A name or a version: undefined where it is none. */
function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > bounds.name) return undefined;
  const text = line(value, bounds.name);
  return text === '' ? undefined : text;
}

function textOf<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  const text = line(value, 64);
  return text === '' ? {} : ({ [key]: text } as Record<K, string>);
}

function idsOf<K extends string>(key: K, value: unknown, own: string): Partial<Record<K, string[]>> {
  const ids = listOf(value)
    .filter((id): id is string => typeof id === 'string' && idPattern.test(id) && id !== own)
    .slice(0, bounds.aliases);
  return ids.length === 0 ? {} : ({ [key]: ids } as Record<K, string[]>);
}

function detailsOf(value: unknown): { details?: string } {
  if (typeof value !== 'string' || value === '') return {};
  return { details: value.slice(0, bounds.details).toWellFormed().replaceAll('\0', '') };
}

function severitiesOf(value: unknown): { severity?: OsvSeverity[] } {
  const found = listOf(value)
    .map(objectOf)
    .filter((one) => one !== undefined)
    .map((one) => ({ type: line(one['type'], 32), score: line(one['score'], 256) }))
    .filter(({ type, score }) => type !== '' && score !== '')
    .slice(0, bounds.severities);
  return found.length === 0 ? {} : { severity: found };
}

function referencesOf(value: unknown): Pick<OsvRecord, 'references'> {
  const found = listOf(value)
    .map(objectOf)
    .filter((one) => one !== undefined)
    .map((one) => ({ type: line(one['type'], 32), url: line(one['url'], bounds.url) }))
    .filter(({ url }) => /^https?:\/\/\S+$/.test(url))
    .slice(0, bounds.references);
  return found.length === 0 ? {} : { references: found };
}

/** What a database says in a form of its own: as far as it is small. */
function ownOf(value: unknown): Record<string, unknown> | undefined {
  const own = objectOf(value) && (smallOf(value, bounds.ownLevels) as Record<string, unknown>);
  return own && Object.keys(own).length > 0 ? own : undefined;
}

function smallOf(value: unknown, levels: number): unknown {
  if (typeof value === 'string') return line(value, bounds.ownText);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null || levels === 0) return undefined;
  if (Array.isArray(value)) {
    const items = value.slice(0, bounds.ownKeys).map((item) => smallOf(item, levels - 1));
    return items.filter((item) => item !== undefined);
  }
  const entries = Object.entries(value)
    .slice(0, bounds.ownKeys)
    .filter(([key]) => key.length <= bounds.name && key !== '__proto__')
    .map(([key, item]) => [line(key, bounds.name), smallOf(item, levels - 1)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}
