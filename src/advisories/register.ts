import { createHash } from 'node:crypto';
import { type Database, listsOf, type LookUps, type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import type { Component } from '../packages/index.ts';
import { bounds, line } from './bounds.ts';
import { shareClock } from './clock.ts';
import type { OsvAffected } from './osv.ts';
import { unpack } from './pack.ts';
import { insertMatches } from './rematch.ts';
import { type Entry, storedMatch } from './stored-match.ts';
import './tables.ts';

/** New components of one transaction: others who write wait for it. */
const atOnce = 16;

/**
 * The ids of components, in their order, which stay the same for ever. Those that are new are compared with all advisories that
 * speak of their names. Does so in transactions of its own, or in that of the caller, who then holds no other lock yet: this one
 * comes first.
 */
export async function registerComponents(
  db: Database | Transaction,
  components: readonly Component[],
): Promise<number[]> {
  const wanted = components.map(cleaned);
  const keys = wanted.map(keyOf);
  const known = await idsOf(db, keys);
  const missing = new Map(wanted.flatMap((component, at) => (known.has(keys[at]!) ? [] : [[keys[at]!, component]])));
  // In one order, so that no two who register the same wait for each other.
  const all = [...missing].toSorted(([one], [other]) => (one < other ? -1 : 1));
  for (let at = 0; at < all.length; at += atOnce) {
    const some = all.slice(at, at + atOnce);
    const made = await ('write' in db ? db.write((tx) => register(tx, some)) : register(db, some));
    for (const [key, id] of made) known.set(key, id);
  }
  return keys.map((key) => known.get(key)!);
}

async function register(
  tx: Transaction,
  components: readonly (readonly [key: string, Component])[],
): Promise<Map<string, number>> {
  await shareClock(tx);
  const rows = components.map(([key, { ecosystem, release, name, version }]) => [
    key,
    ecosystem,
    release,
    name,
    version,
    0,
  ]);
  const ids = new Map<string, number>();
  for (const { rows: list, values } of rowsOf<Parameter>(rows)) {
    const made = await tx.all<{ id: number; key: string }>(
      `INSERT INTO components ("key", ecosystem, release, name, version, revision) VALUES ${list}
        ON CONFLICT ("key") DO NOTHING RETURNING id, "key"`,
      values,
    );
    for (const { id, key } of made) ids.set(key, id);
  }
  const added = components.flatMap(([key, component]) => (ids.has(key) ? [{ id: ids.get(key)!, ...component }] : []));
  await matchNew(tx, added);
  // Another process was faster with some, and has compared them.
  const others = components.map(([key]) => key).filter((key) => !ids.has(key));
  for (const [key, id] of await idsOf(tx, others)) ids.set(key, id);
  return ids;
}

async function matchNew(tx: Transaction, added: readonly (Component & { id: number })[]): Promise<void> {
  const byName = new Map<string, (Component & { id: number })[]>();
  for (const component of added) {
    const key = `${component.ecosystem}\n${component.name}`;
    const same = byName.get(key);
    if (same) same.push(component);
    else byName.set(key, [component]);
  }
  for (const same of byName.values()) {
    const { ecosystem, name } = same[0]!;
    const found: Parameter[][] = [];
    const releases = [...new Set(['', ...same.map(({ release }) => release)])];
    for (const [advisory, entries] of await entriesOf(tx, ecosystem, name, releases)) {
      for (const component of same) {
        const match = storedMatch(component, entries);
        if (match !== undefined) found.push([component.id, advisory, match]);
      }
    }
    insertMatches(tx, found);
  }
}

/** Where a release is known by several names, which matching alone tells apart: all entries of a name are looked at. */
const manyNames = new Set(['Ubuntu', 'Red Hat', 'SUSE']);

/** What advisories say of a name, in some releases. */
async function entriesOf(
  tx: LookUps,
  ecosystem: string,
  name: string,
  releases: readonly string[],
): Promise<Map<number, Entry[]>> {
  const columns = 'SELECT advisory_id, position, entry FROM affected_packages WHERE ecosystem = ? AND name = ?';
  const lists = manyNames.has(ecosystem) ? [undefined] : listsOf(releases);
  const found = new Map<number, Entry[]>();
  for (const of of lists) {
    const rows = await tx.all<{ advisory_id: number; position: number; entry: Uint8Array }>(
      of ? `${columns} AND release IN (${of.list})` : columns,
      [ecosystem, name, ...(of?.values ?? [])],
    );
    for (const { advisory_id, position, entry } of rows) {
      const read = { position, entry: unpack<OsvAffected>(entry) };
      const same = found.get(advisory_id);
      if (same) same.push(read);
      else found.set(advisory_id, [read]);
    }
  }
  for (const entries of found.values()) entries.sort((one, other) => one.position - other.position);
  return found;
}

async function idsOf(db: LookUps, keys: readonly string[]): Promise<Map<string, number>> {
  const found = listsOf([...new Set(keys)]).map(({ list, values }) =>
    db.all<{ id: number; key: string }>(`SELECT id, "key" FROM components WHERE "key" IN (${list})`, values),
  );
  return new Map((await Promise.all(found)).flat().map(({ id, key }) => [key, id]));
}

/** What an image says of its packages may be anything. */
function cleaned({ ecosystem, release, name, version }: Component): Component {
  return {
    ecosystem: line(ecosystem, bounds.name),
    release: line(release, bounds.name),
    name: line(name, bounds.name),
    version: line(version, bounds.name),
  };
}

function keyOf({ ecosystem, release, name, version }: Component): string {
  return createHash('sha256')
    .update(JSON.stringify([ecosystem, release, name, version]))
    .digest('hex')
    .slice(0, 32);
}
