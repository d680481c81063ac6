import type { Component } from '../packages/index.ts';
import { matchComponent } from './match.ts';
import type { OsvAffected } from './osv.ts';

/** What is stored of a match: short, since there are many. */
export interface StoredMatch {
  /** The place of the entry of `affected` that says so. */
  at: number;
  /** The first version in which it is fixed. */
  fixed?: string;
  /** Versions are named one by one: nothing is said of a fix. */
  listed?: true;
  /** The version of the component is not known: it may be affected. */
  possible?: true;
}

/** An entry of an advisory's `affected`, with its place. */
export interface Entry {
  position: number;
  entry: OsvAffected;
}

/** Whether one advisory speaks of a component, by those of its entries that bear the component's name; as it is stored. */
export function storedMatch(component: Component, entries: readonly Entry[]): string | undefined {
  const match = matchComponent(component, { id: '', affected: entries.map(({ entry }) => entry) });
  if (!match) return undefined;
  const stored: StoredMatch = {
    at: entries.find(({ entry }) => entry === match.affected)!.position,
    ...(match.fixedVersion !== undefined && { fixed: match.fixedVersion }),
    ...(!match.affected.ranges && { listed: true }),
    ...(match.possible && { possible: true }),
  };
  return JSON.stringify(stored);
}
