import type { Database, LookUps, Transaction } from '../database/index.ts';
import { armKey, ManagementError } from '../operations/index.ts';
import { type Clock, lockClock, readClock } from './clock.ts';
import { columns, findRow, type Resource, type ResourceBody, resourceOf, type Row } from './resource.ts';
import {
  type ChangeOptions,
  countResources,
  deleteResource,
  type DeleteOptions,
  type Put,
  putResource,
  type PutOptions,
} from './write.ts';

export interface ListQuery {
  /** Such as `Microsoft.ContainerRegistry/registries/tokens`. */
  type: string;
  /** Id of what they lie in; everywhere where it is left out. */
  parent?: string | undefined;
  /** Key of the last one of the page before. */
  after?: string | undefined;
  /** At most, and by default, 100. */
  limit?: number;
}

export interface Page {
  resources: Resource[];
  /** Where the next page goes on; undefined after the last one. */
  after: string | undefined;
}

/** A change as it is read by whoever follows them. */
export interface Change {
  stamp: number;
  resource: Resource;
  /** Then `resource` is what it was last. */
  deleted: boolean;
}

/**
 * The managed resources. Writes run in `tx` where it is given, else in a transaction of their own; each appends an
 * event, `resource.written` or `resource.deleted`.
 */
export interface Resources {
  readonly db: Database;
  /** Undefined where there is none, or it was deleted. `reader` is the transaction that must see it. */
  get(id: string, reader?: LookUps): Promise<Resource | undefined>;
  /** A page of resources in the order of their keys. */
  list(query: ListQuery, reader?: LookUps): Promise<Page>;
  /** How many of a type lie in one parent (an id), counted up to `most`. */
  count(type: string, parent: string, most: number, reader?: LookUps): Promise<number>;
  /**
   * Creates or replaces. PreconditionFailed, ParentResourceNotFound, QuotaExceeded; InvalidRequestContent where the
   * body has more than 64 KiB, or than `mostBytes`.
   */
  put(id: string, body: ResourceBody, options: PutOptions & InTransaction): Promise<Put>;
  /** Changes what is there: `change` gets it and returns the whole body. ResourceNotFound, PreconditionFailed. */
  patch(id: string, change: (previous: Resource) => ResourceBody, options: ChangeOptions & InTransaction): Promise<Put>;
  /**
   * Deletes with all that lies below, unless `cascade` is false: ResourceInUse then. Resolves with all that went, the
   * resource itself last; undefined where there was none. PreconditionFailed.
   */
  delete(id: string, options: DeleteOptions & InTransaction): Promise<Resource[] | undefined>;
  /** Keeps other writers out until the transaction ends: what is read in it from then on stays true. */
  lock(tx: Transaction): Promise<void>;
  /** Changes behind a stamp in their order; of each resource the latest alone. */
  changesSince(stamp: number, limit: number): Promise<Change[]>;
  clock(): Promise<Clock>;
  /** Forgets up to `limit` deletions from before a time (ms). Resolves with their number. */
  trimTombstones(before: number, limit?: number): Promise<number>;
}

export interface InTransaction {
  tx?: Transaction | undefined;
}

export const largestPage = 100;

/** `home`: the region whose resources these are; empty where there is one. */
export function createResources(db: Database, { now, home = '' }: { now: () => number; home?: string }): Resources {
  const context = { now, home };
  const within = <T>(tx: Transaction | undefined, action: (tx: Transaction) => Promise<T>): Promise<T> =>
    tx ? action(tx) : db.write(action);

  async function get(id: string, reader: LookUps = db): Promise<Resource | undefined> {
    const key = armKey(id);
    const row = key === undefined ? undefined : await findRow(reader, key);
    return row && row.deleted_at === null ? resourceOf(row) : undefined;
  }

  return {
    db,
    get,
    list: (query, reader = db) => listResources(reader, query),
    count: (type, parent, most, reader = db) => countResources(reader, armKey(parent) ?? parent, type, most),
    put: (id, body, { tx, ...options }) => within(tx, (inner) => putResource(context, inner, id, body, options)),
    patch: (id, change, { tx, ...options }) =>
      within(tx, async (inner) => {
        await lockClock(inner);
        const previous = await get(id, inner);
        if (!previous) throw resourceNotFound(id);
        return putResource(context, inner, id, change(previous), options);
      }),
    delete: (id, { tx, ...options }) => within(tx, (inner) => deleteResource(context, inner, id, options)),
    lock: async (tx) => void (await lockClock(tx)),
    changesSince: (stamp, limit) => readChanges(db, stamp, limit),
    clock: () => readClock(db),
    trimTombstones: (before, limit = 1000) => db.write((tx) => trim(tx, before, limit)),
  };
}

export function resourceNotFound(id: string): ManagementError {
  return new ManagementError('ResourceNotFound', `the resource ${id} was not found`, { target: id });
}

async function listResources(db: LookUps, { type, parent, after = '', limit = largestPage }: ListQuery): Promise<Page> {
  const most = Math.max(1, Math.min(limit, largestPage));
  const place = parent === undefined ? '' : 'parent = ? AND ';
  const where = parent === undefined ? [] : [armKey(parent) ?? parent];
  const rows = await db.all<Row>(
    `SELECT ${columns} FROM resources WHERE ${place}type = ? AND "key" > ? AND deleted_at IS NULL ORDER BY "key" LIMIT ?`,
    [...where, type.toLowerCase(), after, most + 1],
  );
  const page = rows.slice(0, most);
  return { resources: page.map(resourceOf), after: rows.length > most ? page.at(-1)!.key : undefined };
}

async function readChanges(db: LookUps, stamp: number, limit: number): Promise<Change[]> {
  const rows = await db.all<Row>(`SELECT ${columns} FROM resources WHERE stamp > ? ORDER BY stamp LIMIT ?`, [
    stamp,
    limit,
  ]);
  return rows.map((row) => ({ stamp: row.stamp, resource: resourceOf(row), deleted: row.deleted_at !== null }));
}

async function trim(tx: Transaction, before: number, limit: number): Promise<number> {
  await lockClock(tx);
  const old = await tx.all<{ key: string; stamp: number }>(
    `SELECT "key", stamp FROM resources WHERE deleted_at IS NOT NULL AND deleted_at < ? ORDER BY deleted_at LIMIT ?`,
    [before, limit],
  );
  if (old.length === 0) return 0;
  for (const { key } of old) tx.send('DELETE FROM resources WHERE "key" = ?', [key]);
  const latest = Math.max(...old.map(({ stamp }) => stamp));
  tx.send('UPDATE resource_clock SET trimmed = ? WHERE id = 1 AND trimmed < ?', [latest, latest]);
  return old.length;
}
