import { randomUUID } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Database, Parameter, Tables, Transaction } from '../database/index.ts';
import { armKey } from './arm-id.ts';
import type { OperationStatus } from './tables.ts';

export type { OperationStatus } from './tables.ts';

/** Something that takes longer than a request (ARM, "asynchronous operations"). */
export interface Operation {
  id: string;
  /** Key of the resource that it concerns. */
  resource: string;
  status: OperationStatus;
  error: { code: string; message: string } | undefined;
  /** What an action returned. */
  result: unknown;
  /** Times are ms. */
  startedAt: number;
  endedAt: number | undefined;
  principal: string;
}

export type Outcome =
  | { status: 'Succeeded'; result?: unknown }
  | { status: 'Failed' | 'Canceled'; error: { code: string; message: string } };

export interface Operations {
  /** Records that something has begun, in the transaction that begins it. Returns its id, which nobody can guess. */
  start(tx: Transaction, about: { resourceId: string; principal: string }): string;
  /** Records how it ended; the first end counts. */
  finish(id: string, outcome: Outcome, tx?: Transaction): Promise<void>;
  get(id: string): Promise<Operation | undefined>;
  /**
   * Forgets up to `limit` of those that began more than seven days ago, and fails those that have been under way for
   * more than a day: the process that did them is gone. Resolves with the number of both.
   */
  trim(limit?: number): Promise<number>;
}

const day = 24 * 60 * 60 * 1000;
export const operationRetentionMs = 7 * day;

type Row = Selectable<Tables['operations']>;

export function createOperations(db: Database, { now }: { now: () => number }): Operations {
  return {
    start(tx, { resourceId, principal }) {
      const id = randomUUID();
      tx.send(
        `INSERT INTO operations (id, resource, status, started_at, principal) VALUES (?, ?, 'InProgress', ?, ?)`,
        [id, armKey(resourceId) ?? resourceId, now(), principal],
      );
      return id;
    },

    async finish(id, outcome, tx) {
      const error = outcome.status === 'Succeeded' ? undefined : outcome.error;
      const result =
        outcome.status === 'Succeeded' && outcome.result !== undefined ? JSON.stringify(outcome.result) : null;
      const values: Parameter[] = [outcome.status, error?.code ?? null, error?.message ?? null, result, now(), id];
      const finish = (inner: Transaction) =>
        inner.run(
          `UPDATE operations SET status = ?, error_code = ?, error_message = ?, result = ?, ended_at = ?
            WHERE id = ? AND status = 'InProgress'`,
          values,
        );
      await (tx ? finish(tx) : db.write(finish));
    },

    async get(id) {
      const row = await db.first<Row>(
        `SELECT id, resource, status, error_code, error_message, result, started_at, ended_at, principal
          FROM operations WHERE id = ?`,
        [id],
      );
      return row && operationOf(row);
    },

    trim: (limit = 1000) => db.write((tx) => trim(tx, now(), limit)),
  };
}

function operationOf(row: Row): Operation {
  return {
    id: row.id,
    resource: row.resource,
    status: row.status,
    error: row.error_code === null ? undefined : { code: row.error_code, message: row.error_message ?? row.error_code },
    result: row.result === null ? undefined : (JSON.parse(row.result) as unknown),
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
    principal: row.principal,
  };
}

async function trim(tx: Transaction, now: number, limit: number): Promise<number> {
  const forgotten = await tx.all<{ id: string }>(
    'SELECT id FROM operations WHERE started_at < ? ORDER BY started_at, id LIMIT ?',
    [now - operationRetentionMs, limit],
  );
  for (const { id } of forgotten) tx.send('DELETE FROM operations WHERE id = ?', [id]);
  const lost = await tx.all<{ id: string }>(
    `SELECT id FROM operations WHERE status = 'InProgress' AND started_at < ? ORDER BY started_at, id LIMIT ?`,
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
