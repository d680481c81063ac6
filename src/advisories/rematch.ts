import { listsOf, type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import type { Component } from '../packages/index.ts';
import type { StoredAdvisory } from './read-record.ts';
import { type Entry, storedMatch } from './stored-match.ts';
import './tables.ts';

/** Components of one revision: whoever looks at what has changed gets them as a page. */
export const componentsOfRevision = 500;

type KnownComponent = Component & { id: number };

/** What came of an advisory in a transaction: what it affects now, nothing where it is gone. */
export interface ChangedAdvisory {
  id: number;
  affected: StoredAdvisory['affected'];
  /** It was stored before. */
  wasKnown: boolean;
}

/**
 * Compares advisories that have changed with the components that bear the names they speak of now, and with those that they
 * matched. Reads no other advisory and no image. Resolves with the components whose findings may have changed. To be called with
 * the lock of the clock.
 */
export async function rematch(tx: Transaction, changed: readonly ChangedAdvisory[]): Promise<Set<number>> {
  const before = await matchesOf(
    tx,
    changed.filter(({ wasKnown }) => wasKnown).map(({ id }) => id),
  );
  const components = await componentsNamed(tx, changed);
  const touched = new Set<number>();
  const gone: [component: number, advisory: number][] = [];
  const found: Parameter[][] = [];
  for (const { id, affected } of changed) {
    const old = before.get(id) ?? new Map<number, string>();
    const now = matchesNow(affected, components);
    for (const component of old.keys()) {
      touched.add(component);
      if (!now.has(component)) gone.push([component, id]);
    }
    for (const [component, match] of now) {
      touched.add(component);
      if (old.get(component) !== match) found.push([component, id, match]);
    }
  }
  for (const key of gone) tx.send('DELETE FROM component_matches WHERE component_id = ? AND advisory_id = ?', key);
  insertMatches(tx, found);
  return touched;
}

/** `found`: component, advisory, match. */
export function insertMatches(tx: Transaction, found: Parameter[][]): void {
  for (const { rows, values } of rowsOf<Parameter>(found)) {
    tx.send(
      `INSERT INTO component_matches (component_id, advisory_id, match) VALUES ${rows}
        ON CONFLICT (component_id, advisory_id) DO UPDATE SET match = excluded.match`,
      values,
    );
  }
}

/** Gives components that have changed the revisions that follow `revision`. Returns the last of them. */
export function markChanged(tx: Transaction, revision: number, components: Iterable<number>): number {
  const ids = [...components].toSorted((one, other) => one - other);
  let last = revision + 1;
  for (let at = 0; at < ids.length; at += componentsOfRevision) {
    last = revision + 1 + at / componentsOfRevision;
    for (const { list, values } of listsOf(ids.slice(at, at + componentsOfRevision)))
      tx.send(`UPDATE components SET revision = ? WHERE id IN (${list})`, [last, ...values]);
  }
  return last;
}

async function matchesOf(tx: Transaction, advisories: readonly number[]): Promise<Map<number, Map<number, string>>> {
  const found = new Map<number, Map<number, string>>();
  for (const { list, values } of listsOf(advisories)) {
    const rows = await tx.all<{ component_id: number; advisory_id: number; match: string }>(
      `SELECT component_id, advisory_id, match FROM component_matches WHERE advisory_id IN (${list})`,
      values,
    );
    for (const { component_id, advisory_id, match } of rows) {
      const of = found.get(advisory_id);
      if (of) of.set(component_id, match);
      else found.set(advisory_id, new Map([[component_id, match]]));
    }
  }
  return found;
}

const nameKey = (ecosystem: string, name: string) => `${ecosystem}\n${name}`;

async function componentsNamed(
  tx: Transaction,
  changed: readonly ChangedAdvisory[],
): Promise<Map<string, KnownComponent[]>> {
  const names = new Map<string, Set<string>>();
  for (const { affected } of changed) {
    for (const { ecosystem, name } of affected) {
      const of = names.get(ecosystem);
      if (of) of.add(name);
      else names.set(ecosystem, new Set([name]));
    }
  }
  const found = new Map<string, KnownComponent[]>();
  for (const [ecosystem, of] of names) {
    for (const { list, values } of listsOf([...of])) {
      const rows = await tx.all<KnownComponent>(
        `SELECT id, ecosystem, release, name, version FROM components WHERE ecosystem = ? AND name IN (${list})`,
        [ecosystem, ...values],
      );
      for (const row of rows) {
        const key = nameKey(ecosystem, row.name);
        const same = found.get(key);
        if (same) same.push(row);
        else found.set(key, [row]);
      }
    }
  }
  return found;
}

function matchesNow(
  affected: StoredAdvisory['affected'],
  components: ReadonlyMap<string, readonly KnownComponent[]>,
): Map<number, string> {
  const entries = new Map<string, Entry[]>();
  for (const [position, { ecosystem, name, entry }] of affected.entries()) {
    const key = nameKey(ecosystem, name);
    if (!components.has(key)) continue;
    const of = entries.get(key);
    if (of) of.push({ position, entry });
    else entries.set(key, [{ position, entry }]);
  }
  const found = new Map<number, string>();
  for (const [key, of] of entries) {
    for (const component of components.get(key)!) {
      const match = storedMatch(component, of);
      if (match !== undefined) found.set(component.id, match);
    }
  }
  return found;
}
