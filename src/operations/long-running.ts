import { randomUUID } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Database, Parameter, Tables, Transaction } from '../database/index.ts';
import { armKey } from './arm-id.ts';
import { ManagementError } from './management-error.ts';
import type { OperationStatus } from './tables.ts';

export type { OperationStatus } from './tables.ts';

/** How far something has come, for people and for whoever goes on with it. */
export interface Progress {
  /** 0 to 100. */
  percentComplete: number;
  [detail: string]: unknown;
}

/** Something that takes longer than a request (ARM, "asynchronous operations"). */
export interface Operation {
  id: string;
  /** Key of the resource that it concerns. */
  resource: string;
  status: OperationStatus;
  error: { code: string; message: string } | undefined;
  /** What an action returned. */
  result: unknown;
  progress: Progress | undefined;
  /** Times are ms. */
  startedAt: number;
  endedAt: number | undefined;
  principal: string;
}

/** An operation that this process carries out. */
export interface TakenOperation extends Operation {
  /** As it was given to `start`. */
  work: unknown;
  sealed: string | undefined;
  /** How often it was begun, this time included. */
  attempts: number;
  /** The node that has it: what is written about it compares this. */
  holder: number | null;
}

export type Outcome =
  | { status: 'Succeeded'; result?: unknown }
  | { status: 'Failed' | 'Canceled'; error: { code: string; message: string } };

/** How nodes know which of them carries an operation out; left out where one process alone does. */
export interface OperationClaims {
  /** The number of this node. */
  self(): number;
  /** SQL: whether the node whose number is in a column is alive. */
  isAlive(column: string): string;
}

export interface NewOperation {
  resourceId: string;
  /** Who begins it, for people to read. */
  principal: string;
  /** All that is needed to carry it out, in whatever process; it becomes JSON. */
  work: unknown;
  /**
   * What of it must not lie in the facts as it is, sealed; gets the id that it is to be bound to. Undefined: it is in the memory
   * of this process, and so no other node takes the operation as long as this one is alive.
   */
  seal?: ((id: string) => string | undefined) | undefined;
}

/**
 * What takes longer than a request. An operation is a row that says all that its work needs, so that it outlives the process
 * that took the request: whoever takes the row carries it out, and when that process is silent or gone, another one takes it.
 */
export interface Operations {
  /**
   * Records that something has begun, in the transaction that begins it. Returns its id, which nobody can guess.
   * TooManyRequests where too much is under way, in all or of that resource.
   */
  start(tx: Transaction, operation: NewOperation): Promise<string>;
  /** Takes an operation that nobody carries out; undefined where somebody does, or it has ended. */
  take(id: string): Promise<TakenOperation | undefined>;
  /** Those that nobody carries out, the oldest first; those of this process are among them. */
  waiting(limit: number): Promise<Pick<Operation, 'id' | 'resource'>[]>;
  /** Says how far it has come; false where it is not this holder's any more. */
  report(taken: Pick<TakenOperation, 'id' | 'holder'>, progress: Progress): Promise<boolean>;
  /** Leaves it to whoever takes it next. `undone`: this time does not count. */
  giveBack(taken: Pick<TakenOperation, 'id' | 'holder'>, undone?: boolean): Promise<void>;
  /** Records how it ended; false where it has ended already, or is another's. */
  finish(taken: Pick<TakenOperation, 'id' | 'holder'>, outcome: Outcome, tx?: Transaction): Promise<boolean>;
  get(id: string): Promise<Operation | undefined>;
  /**
   * Forgets up to `limit` of those that ended and began more than seven days ago, and fails those that nobody can go on with:
   * their process was of a version that kept no work. Resolves with the number of both.
   */
  trim(limit?: number): Promise<number>;
}

const day = 24 * 60 * 60 * 1000;
export const operationRetentionMs = 7 * day;

/** Most operations under way, of all resources together, and of one. */
const mostOpen = 1000;
export const mostOfOneResource = 250;

type Row = Selectable<Tables['operations']>;

const columns =
  'id, resource, status, error_code, error_message, result, started_at, ended_at, principal, work, sealed, progress, holder, attempts';

export function createOperations(
  db: Database,
  { now, claims }: { now: () => number; claims?: OperationClaims | undefined },
): Operations {
  /** SQL: whether nobody else carries it out. What this process does, it knows by itself. */
  const isFreeOf = (table: string) =>
    claims ? `(${table}.holder IS NULL OR ${table}.holder = ? OR NOT ${claims.isAlive(`${table}.holder`)})` : '1 = 1';
  const self = (): Parameter[] => (claims ? [claims.self()] : []);
  /** SQL: whether it still is the holder's. */
  const isHeld = (holder: number | null) => (holder === null ? '' : 'AND holder = ?');
  const held = (holder: number | null): Parameter[] => (holder === null ? [] : [holder]);

  return {
    async start(tx, { resourceId, principal, work, seal }) {
      const resource = armKey(resourceId) ?? resourceId;
      await requireRoom(tx, resource);
      const id = randomUUID();
      const sealed = seal?.(id) ?? null;
      const holder = seal && sealed === null && claims ? claims.self() : null;
      tx.send(
        `INSERT INTO operations (id, resource, status, started_at, principal, work, sealed, holder, attempts)
          VALUES (?, ?, 'InProgress', ?, ?, ?, ?, ?, 0)`,
        [id, resource, now(), principal, JSON.stringify(work ?? null), sealed, holder],
      );
      return id;
    },

    async take(id) {
      const [row] = await db.change<Row>(
        `UPDATE operations SET attempts = attempts + 1${claims ? ', holder = ?' : ''}
          WHERE id = ? AND status = 'InProgress' AND work IS NOT NULL AND ${isFreeOf('operations')} RETURNING ${columns}`,
        [...self(), id, ...self()],
      );
      return row && takenOf(row);
    },

    waiting: (limit) =>
      db.all(
        `SELECT id, resource FROM (
            SELECT id, resource, holder, started_at FROM operations WHERE status = 'InProgress' AND work IS NOT NULL
            ORDER BY started_at, id LIMIT ${mostOpen}
          ) AS underway WHERE ${isFreeOf('underway')} ORDER BY started_at, id LIMIT ?`,
        [...self(), limit],
      ),

    async report({ id, holder }, progress) {
      const rows = await db.change(
        `UPDATE operations SET progress = ? WHERE id = ? AND status = 'InProgress' ${isHeld(holder)} RETURNING id`,
        [JSON.stringify(progress), id, ...held(holder)],
        { durable: false },
      );
      return rows.length > 0;
    },

    async giveBack({ id, holder }, undone = false) {
      await db.change(
        `UPDATE operations SET holder = NULL${undone ? ', attempts = attempts - 1' : ''}
          WHERE id = ? AND status = 'InProgress' ${isHeld(holder)} RETURNING id`,
        [id, ...held(holder)],
      );
    },

    async finish({ id, holder }, outcome, tx) {
      const error = outcome.status === 'Succeeded' ? undefined : outcome.error;
      const result =
        outcome.status === 'Succeeded' && outcome.result !== undefined ? JSON.stringify(outcome.result) : null;
      // It may quote what another registry has sent, and PostgreSQL takes no NUL.
      const message = error?.message.replaceAll('\0', '?') ?? null;
      const values: Parameter[] = [outcome.status, error?.code ?? null, message, result, now(), id];
      const finish = (inner: Transaction) =>
        inner.run(
          `UPDATE operations SET status = ?, error_code = ?, error_message = ?, result = ?, ended_at = ?, work = NULL,
              sealed = NULL, holder = NULL
            WHERE id = ? AND status = 'InProgress' ${isHeld(holder)}`,
          [...values, ...held(holder)],
        );
      return (await (tx ? finish(tx) : db.write(finish))) > 0;
    },

    async get(id) {
      const row = await db.first<Row>(`SELECT ${columns} FROM operations WHERE id = ?`, [id]);
      return row && operationOf(row);
    },

    trim: (limit = 1000) => db.write((tx) => trim(tx, now(), limit)),
  };
}

async function requireRoom(tx: Transaction, resource: string): Promise<void> {
  const open = await tx.first<{ n: number; own: number }>(
    `SELECT count(*) AS n, count(CASE WHEN resource = ? THEN 1 END) AS own FROM (
        SELECT resource FROM operations WHERE status = 'InProgress' LIMIT ${mostOpen}
      ) AS counted`,
    [resource],
  );
  if (open!.n < mostOpen && open!.own < mostOfOneResource) return;
  const [most, where] = open!.n < mostOpen ? [mostOfOneResource, ' here'] : [mostOpen, ''];
  throw new ManagementError('TooManyRequests', `${most} operations are under way${where}; wait until some have ended`, {
    headers: { 'Retry-After': '10' },
  });
}

function operationOf(row: Row): Operation {
  return {
    id: row.id,
    resource: row.resource,
    status: row.status,
    error: row.error_code === null ? undefined : { code: row.error_code, message: row.error_message ?? row.error_code },
    result: row.result === null ? undefined : (JSON.parse(row.result) as unknown),
    progress: row.progress === null ? undefined : (JSON.parse(row.progress) as Progress),
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
    principal: row.principal,
  };
}

function takenOf(row: Row): TakenOperation {
  const { work, sealed, attempts, holder } = row;
  return { ...operationOf(row), work: JSON.parse(work!) as unknown, sealed: sealed ?? undefined, attempts, holder };
}

async function trim(tx: Transaction, now: number, limit: number): Promise<number> {
  const forgotten = await tx.all<{ id: string }>(
    `SELECT id FROM operations WHERE started_at < ? AND status <> 'InProgress' ORDER BY started_at, id LIMIT ?`,
    [now - operationRetentionMs, limit],
  );
  for (const { id } of forgotten) tx.send('DELETE FROM operations WHERE id = ?', [id]);
  const lost = await tx.all<{ id: string }>(
    `SELECT id FROM operations WHERE status = 'InProgress' AND work IS NULL AND started_at < ?
      ORDER BY started_at, id LIMIT ?`,
    [now - day, limit],
  );
  for (const { id } of lost) {
    tx.send(
      `UPDATE operations SET status = 'Failed', error_code = ?, error_message = ?, ended_at = ?
        WHERE id = ? AND status = 'InProgress'`,
      ['OperationFailed', 'the process that carried this out has ended; do it again', now, id],
    );
  }
  return forgotten.length + lost.length;
}
