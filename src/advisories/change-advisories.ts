import { type Database, listsOf, type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import { lockClock, tellClock } from './clock.ts';
import { requireRun } from './feed-rows.ts';
import { borrowersOf, cvesNamedBy, isRated, lentTo } from './lent-ratings.ts';
import { pack, packEntry } from './pack.ts';
import type { StoredAdvisory } from './read-record.ts';
import { type ChangedAdvisory, markChanged, rematch } from './rematch.ts';
import './tables.ts';

/** What an import brings of one record. */
export type Change = { recordId: string; advisory: StoredAdvisory | undefined };

export interface Changed {
  added: number;
  changed: number;
  removed: number;
  /** Components whose findings may be others now. */
  components: number;
  /** How long others who write waited for it (ms). */
  ms: number;
}

interface KnownAdvisory {
  id: number;
  record_id: string;
  digest: string;
}

const nothing: Changed = { added: 0, changed: 0, removed: 0, components: 0, ms: 0 };

/**
 * Stores what has changed of some records of one part, and compares it with all components, in one transaction: whoever reads
 * sees each record before or after, with its matches. What is as it was is not written. Few records at a time: others who
 * write wait. `run`: under which they are written; throws SupersededError where that is not the last one any more.
 */
export async function changeAdvisories(
  db: Database,
  { part, run }: { part: string; run: number },
  changes: readonly Change[],
): Promise<Changed> {
  const byId = new Map(changes.map((change) => [change.recordId, change]));
  // Most of an export is what it was: that is found out without keeping anybody waiting.
  if (isSettled(byId, await knownAdvisories(db, part, [...byId.keys()]))) return nothing;
  return db.write(async (tx) => {
    const began = performance.now();
    const revision = await lockClock(tx);
    await requireRun(tx, part, run);
    const known = await knownAdvisories(tx, part, [...byId.keys()]);
    const old = new Map(known.map((row) => [row.record_id, row]));
    const former = known.filter((row) => row.digest !== byId.get(row.record_id)?.advisory?.digest);
    const lent = await cvesNamedBy(
      tx,
      former.map(({ id }) => id),
    );
    const added: StoredAdvisory[] = [];
    const replaced: StoredAdvisory[] = [];
    const changed: ChangedAdvisory[] = [];
    let removed = 0;
    for (const { recordId, advisory } of byId.values()) {
      const row = old.get(recordId);
      if (!row && advisory) added.push(advisory);
      if (!row || row.digest === advisory?.digest) continue;
      changed.push({ id: row.id, affected: advisory?.affected ?? [], wasKnown: true });
      forget(tx, row.id);
      if (advisory) {
        replaced.push(advisory);
        replace(tx, row.id, advisory);
      } else {
        tx.send('DELETE FROM advisories WHERE id = ?', [row.id]);
        removed++;
      }
    }
    const counts = { added: added.length, changed: changed.length - removed, removed };
    for (const [id, advisory] of await insert(tx, part, added)) {
      insertParts(tx, id, advisory);
      changed.push({ id, affected: advisory.affected, wasKnown: false });
    }
    if (changed.length === 0) return nothing;
    const components = await rematch(tx, changed);
    // What others say of the same CVE may be all that is said of its severity, or have been.
    for (const { record } of [...added.filter(isRated), ...replaced]) lent.push(...lentTo(record));
    for (const id of await borrowersOf(tx, lent)) components.add(id);
    const last = markChanged(tx, revision, components);
    tx.send('UPDATE advisory_feeds SET records = records + ?, revision = ? WHERE id = ?', [
      counts.added - removed,
      last,
      part,
    ]);
    tellClock(tx, last);
    return { ...counts, components: components.size, ms: performance.now() - began };
  });
}

function isSettled(changes: ReadonlyMap<string, Change>, known: readonly KnownAdvisory[]): boolean {
  const digests = new Map(known.map(({ record_id, digest }) => [record_id, digest]));
  return [...changes.values()].every(({ recordId, advisory }) => digests.get(recordId) === advisory?.digest);
}

async function knownAdvisories(
  db: Pick<Database, 'all'>,
  part: string,
  recordIds: readonly string[],
): Promise<KnownAdvisory[]> {
  const found = listsOf(recordIds).map(({ list, values }) =>
    db.all<KnownAdvisory>(`SELECT id, record_id, digest FROM advisories WHERE part = ? AND record_id IN (${list})`, [
      part,
      ...values,
    ]),
  );
  return (await Promise.all(found)).flat();
}

function forget(tx: Transaction, id: number): void {
  tx.send('DELETE FROM advisory_aliases WHERE advisory_id = ?', [id]);
  tx.send('DELETE FROM affected_packages WHERE advisory_id = ?', [id]);
}

function replace(tx: Transaction, id: number, advisory: StoredAdvisory): void {
  const { digest, record } = advisory;
  tx.send('UPDATE advisories SET digest = ?, record = ?, rated = ? WHERE id = ?', [
    digest,
    pack(record),
    Number(isRated(advisory)),
    id,
  ]);
  insertParts(tx, id, advisory);
}

async function insert(
  tx: Transaction,
  part: string,
  added: readonly StoredAdvisory[],
): Promise<[id: number, advisory: StoredAdvisory][]> {
  const byId = new Map(added.map((advisory) => [advisory.recordId, advisory]));
  const ids: [number, StoredAdvisory][] = [];
  const all = added.map((advisory) => {
    const { recordId, digest, record } = advisory;
    return [part, recordId, digest, pack(record), Number(isRated(advisory))];
  });
  for (const { rows, values } of rowsOf<Parameter>(all)) {
    const made = await tx.all<{ id: number; record_id: string }>(
      `INSERT INTO advisories (part, record_id, digest, record, rated) VALUES ${rows} RETURNING id, record_id`,
      values,
    );
    for (const { id, record_id } of made) ids.push([id, byId.get(record_id)!]);
  }
  return ids;
}

function insertParts(tx: Transaction, id: number, { aliases, affected }: StoredAdvisory): void {
  for (const { rows, values } of rowsOf<Parameter>(aliases.map((alias) => [alias, id])))
    tx.send(`INSERT INTO advisory_aliases (alias, advisory_id) VALUES ${rows}`, values);
  const entries = affected.map(({ ecosystem, release, name, entry }, position) => [
    ecosystem,
    name,
    release,
    id,
    position,
    ...packEntry(entry),
  ]);
  for (const { rows, values } of rowsOf<Parameter>(entries)) {
    tx.send(
      `INSERT INTO affected_packages (ecosystem, name, release, advisory_id, position, entry, said) VALUES ${rows}`,
      values,
    );
  }
}

/** Record ids of a part behind one, in order. */
export async function recordIdsAfter(db: Database, part: string, after: string, limit: number): Promise<string[]> {
  const rows = await db.all<{ record_id: string }>(
    'SELECT record_id FROM advisories WHERE part = ? AND record_id > ? ORDER BY part, record_id LIMIT ?',
    [part, after, limit],
  );
  return rows.map(({ record_id }) => record_id);
}
