import { advisoryName, type Component, compareVersions, parseEcosystem } from '../packages/index.ts';
import { listed, type OsvAffected, type OsvRecord } from './osv.ts';
import { statusIn } from './ranges.ts';
import { speaksOf } from './releases.ts';

/** An advisory speaks of a component. */
export interface Match {
  /** The entry that says so: the first, where several do. */
  affected: OsvAffected;
  /** The first version to which none of its entries applies any more. Undefined where there is none yet. */
  fixedVersion?: string;
  /** The version of the component is not known: it may be affected. */
  possible: boolean;
}

/** Ecosystems in which one version is written in several ways. */
const variously = new Set(['PyPI', 'NuGet']);

/**
 * Whether an advisory speaks of a component, by the ecosystem with its release, the name and the version (osv-schema,
 * "Evaluation"). Withdrawn ones speak of none, and ranges of commits say nothing of packages in images. Pure; what is
 * malformed in a record is left out, and the rest of it holds.
 */
export function matchComponent(component: Component, record: OsvRecord): Match | undefined {
  if (record.withdrawn) return undefined;
  const fixes: (string | undefined)[] = [];
  let first: OsvAffected | undefined;
  for (const affected of entriesOf(component, record)) {
    if (component.version === '') {
      if (saysVersions(affected)) return { affected, possible: true };
      continue;
    }
    const found = matchEntry(component, affected);
    if (!found) continue;
    first ??= affected;
    fixes.push(found.fixedVersion);
  }
  if (!first) return undefined;
  const fixedVersion = fixedByAll(component.ecosystem, fixes);
  return { affected: first, possible: false, ...(fixedVersion !== undefined && { fixedVersion }) };
}

/** The entries of this package in this release. Those of Ubuntu Pro stand for those of Ubuntu where Pro is installed. */
function entriesOf({ ecosystem, release, name, version }: Component, record: OsvRecord): OsvAffected[] {
  const here = listed(record.affected).flatMap((affected) => {
    const subject = affected.package;
    if (typeof subject?.ecosystem !== 'string' || typeof subject.name !== 'string') return [];
    const said = parseEcosystem(subject.ecosystem);
    if (said?.ecosystem !== ecosystem || advisoryName(ecosystem, undefined, subject.name) !== name) return [];
    const how = speaksOf(ecosystem, said.release, release, version);
    return how === undefined ? [] : [{ affected, how }];
  });
  const instead = here.filter(({ how }) => how === 'instead');
  return (instead.length > 0 ? instead : here).map(({ affected }) => affected);
}

function saysVersions({ ranges, versions }: OsvAffected): boolean {
  return listed(versions).length > 0 || listed(ranges).some(({ type }) => type === 'SEMVER' || type === 'ECOSYSTEM');
}

function matchEntry({ ecosystem, version }: Component, affected: OsvAffected): { fixedVersion?: string } | undefined {
  const ranges = listed(affected.ranges).filter(({ type }) => type === 'SEMVER' || type === 'ECOSYSTEM');
  const hits = ranges.map((range) => statusIn(ecosystem, range, version)).filter((status) => status.affected);
  if (hits.length === 0 && !isNamed(ecosystem, affected, version, ranges.length === 0)) return undefined;
  const fixedVersion =
    hits.length > 0
      ? fixedByAll(
          ecosystem,
          hits.map((hit) => hit.fixedVersion),
        )
      : nextFix(ecosystem, affected, version);
  if (fixedVersion !== undefined) return { fixedVersion };
  return isBeyondKnown(ecosystem, affected, version) ? undefined : {};
}

interface Names {
  exact: Set<string>;
  /** In their order, once somebody asks for a version that is written otherwise. */
  sorted?: string[];
}

/** What an entry lists one by one, which may be thousands, and is asked about as many versions. */
const names = new WeakMap<OsvAffected, Names>();

function isNamed(ecosystem: string, affected: OsvAffected, version: string, isAll: boolean): boolean {
  let named = names.get(affected);
  if (!named) {
    named = { exact: new Set(listed(affected.versions)) };
    names.set(affected, named);
  }
  if (named.exact.has(version)) return true;
  if (!isAll || !variously.has(ecosystem)) return false;
  named.sorted ??= [...named.exact].toSorted((one, other) => compareVersions(ecosystem, one, other));
  const { sorted } = named;
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (compareVersions(ecosystem, sorted[middle]!, version) < 0) low = middle + 1;
    else high = middle;
  }
  return low < sorted.length && compareVersions(ecosystem, sorted[low]!, version) === 0;
}

/**
 * GitHub's ranges without a fix have no end, and beside them stands how far they go: `<= 29.0`. That is part of what the
 * advisory says: without it, every later version would be affected for ever, in some two thousand of them. OSV's own lists
 * of versions are made from the ranges, and go on as they do.
 */
function isBeyondKnown(ecosystem: string, { database_specific: own }: OsvAffected, version: string): boolean {
  const said = own?.['last_known_affected_version_range'];
  const [, sign, end] = (typeof said === 'string' && /^\s*(<=?)\s*([^\s,]+)\s*$/.exec(said)) || [];
  if (end === undefined) return false;
  const order = compareVersions(ecosystem, version, end);
  return sign === '<' ? order >= 0 : order > 0;
}

/** The latest of the fixes; none where one is missing. */
function fixedByAll(ecosystem: string, fixes: readonly (string | undefined)[]): string | undefined {
  return fixes.reduce((latest, fix) =>
    latest === undefined || fix === undefined ? undefined : compareVersions(ecosystem, fix, latest) > 0 ? fix : latest,
  );
}

/** The smallest fix after a version that is listed, and in no range. */
function nextFix(ecosystem: string, { ranges }: OsvAffected, version: string): string | undefined {
  let next: string | undefined;
  for (const { type, events } of listed(ranges)) {
    if (type === 'GIT') continue;
    for (const { fixed } of listed(events)) {
      if (typeof fixed !== 'string' || compareVersions(ecosystem, fixed, version) <= 0) continue;
      if (next === undefined || compareVersions(ecosystem, fixed, next) < 0) next = fixed;
    }
  }
  return next;
}
