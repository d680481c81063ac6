import { normalisePythonName } from '../../src/packages/index.ts';
import { keyOf, type Listed } from './listed.ts';

export type Difference =
  /** Listed by one alone, under no other name or version. */
  | { kind: 'ours' | 'theirs'; type: string; ours?: Listed; theirs?: Listed }
  /** The same package, in another version. */
  | { kind: 'version'; type: string; ours: Listed; theirs: Listed }
  /** The same package and version, by another name. */
  | { kind: 'name'; type: string; ours: Listed; theirs: Listed };

export interface Comparison {
  common: { ours: Listed; theirs: Listed }[];
  differences: Difference[];
}

/** Both lists have each key once. */
export function compareLists(ours: readonly Listed[], theirs: readonly Listed[]): Comparison {
  const theirKeys = new Map(theirs.map((one) => [keyOf(one), one]));
  const common = ours.flatMap((one) => {
    const other = theirKeys.get(keyOf(one));
    return other ? [{ ours: one, theirs: other }] : [];
  });
  const shared = new Set(common.map(({ ours: one }) => keyOf(one)));
  let mine = ours.filter((one) => !shared.has(keyOf(one)));
  let others = theirs.filter((one) => !shared.has(keyOf(one)));
  const differences: Difference[] = [];
  const pair = (kind: 'version' | 'name', sameIn: (one: Listed) => string) => {
    for (const one of mine) {
      const candidates = others.filter((other) => sameIn(other) === sameIn(one));
      const other =
        candidates.find(({ paths }) => paths.some((path) => one.paths.some((own) => isSamePlace(own, path)))) ??
        candidates[0];
      if (!other) continue;
      differences.push({ kind, type: one.type, ours: one, theirs: other });
      mine = mine.filter((left) => left !== one);
      others = others.filter((left) => left !== other);
    }
  };
  pair('version', ({ type, name }) => `${type} ${name}`);
  pair('name', ({ type, name, version }) => `${type} ${looseName(name)} ${version}`);
  differences.push(...mine.map((one) => ({ kind: 'ours' as const, type: one.type, ours: one })));
  differences.push(...others.map((one) => ({ kind: 'theirs' as const, type: one.type, theirs: one })));
  return { common, differences };
}

/** What is left of a name when programs disagree on its group, or on signs in it. */
function looseName(name: string): string {
  return normalisePythonName(name.slice(name.lastIndexOf('/') + 1));
}

/** Whether both say the same files, of a package of which both say any; what is in an archive has its signs between the two. */
export function arePlacesSame(ours: Listed, theirs: Listed): boolean {
  const written = ({ paths }: Listed) => paths.map((path) => path.replaceAll('!/', '/')).toSorted();
  return ours.paths.length === 0 || theirs.paths.length === 0 || Bun.deepEquals(written(ours), written(theirs));
}

/** Of what lies in an archive the others say the archive alone, or have another sign between the two. */
function isSamePlace(own: string, theirs: string): boolean {
  return own === theirs || own.startsWith(`${theirs}!/`) || own.replaceAll('!/', '/') === theirs;
}
