import type { OsvRecord } from './osv.ts';

/** An advisory that matches a component, with what is to be known of it to group it with others. */
export interface Named {
  record: Pick<OsvRecord, 'id' | 'aliases' | 'upstream'>;
}

export interface Group<T> {
  /** What it is shown by: the first CVE of its aliases, else what it is a distribution's word on, else its own id. */
  id: string;
  /** All other ids of it, sorted. */
  aliases: string[];
  members: T[];
}

const isCve = (id: string) => /^CVE-[0-9]{4}-[0-9]{4,}$/.test(id);

/**
 * One group for each vulnerability that the advisories of one component speak of. Aliases are the same vulnerability; what a
 * distribution lists as upstream of its own advisory are several, each of which is one. In the order of ids.
 */
export function combine<T extends Named>(advisories: readonly T[]): Group<T>[] {
  const parents = new Map<string, string>();
  const rootOf = (id: string): string => {
    let root = id;
    for (let next = parents.get(root); next !== undefined && next !== root; next = parents.get(root)) root = next;
    // Who asks again does not go the whole way: chains of aliases may be as long as there are advisories.
    for (let at = id; at !== root;) {
      const next = parents.get(at)!;
      parents.set(at, root);
      at = next;
    }
    return root;
  };
  const join = (one: string, other: string) => {
    const [first, second] = [rootOf(one), rootOf(other)];
    parents.set(second, first);
    if (!parents.has(first)) parents.set(first, first);
  };
  const namings = advisories.map((advisory) => ({ advisory, names: namesOf(advisory.record) }));
  for (const { names } of namings)
    for (const [first, ...others] of names) for (const id of [first!, ...others]) join(first!, id);

  const groups = new Map<string, { shown: Set<string>; ids: Set<string>; members: Set<T> }>();
  for (const { advisory, names } of namings) {
    for (const ids of names) {
      const root = rootOf(ids[0]!);
      const group = groups.get(root) ?? { shown: new Set(), ids: new Set(), members: new Set() };
      groups.set(root, group);
      group.members.add(advisory);
      group.shown.add(ids.find(isCve) ?? ids[0]!);
      for (const id of ids) group.ids.add(id);
    }
  }
  return [...groups.values()]
    .map(({ shown, ids, members }) => {
      const all = [...shown].toSorted(inOrder);
      const id = all.find(isCve) ?? all[0]!;
      return { id, aliases: [...ids].filter((other) => other !== id).toSorted(inOrder), members: [...members] };
    })
    .toSorted((one, other) => inOrder(one.id, other.id));
}

const inOrder = (one: string, other: string) => (one < other ? -1 : Number(one > other));

/** The vulnerabilities that an advisory speaks of, each by all its names. */
function namesOf({ id, aliases = [], upstream = [] }: Named['record']): string[][] {
  const own = [id, ...aliases];
  if (own.some(isCve)) return [own];
  const cves = upstream.filter(isCve);
  if (cves.length > 0) return cves.map((cve) => [cve]);
  return [[...own, ...upstream]];
}
