import type { Selectable } from 'kysely';
import type { LookUps, Tables } from '../database/index.ts';
import { parseArmId } from '../operations/index.ts';
import './tables.ts';

/** The parts of a resource that are written (ARM, "top-level properties"). */
export interface ResourceBody {
  location?: string | undefined;
  tags?: Record<string, string> | undefined;
  sku?: Record<string, unknown> | undefined;
  identity?: Record<string, unknown> | undefined;
  properties: Record<string, unknown>;
  /** What the server itself keeps with it, such as an id that it chose; no client writes this. */
  own?: Record<string, unknown> | undefined;
  /** Where a long-running operation has it; absent otherwise. */
  state?: 'Creating' | 'Updating' | 'Deleting' | 'Failed' | 'Canceled' | undefined;
}

/** A managed resource as it is stored. */
export interface Resource extends ResourceBody {
  /** As it was first written; compare keys instead. */
  readonly id: string;
  readonly key: string;
  /** Such as `Microsoft.ContainerRegistry/registries/tokens`, as its first writer spelled it. */
  readonly type: string;
  readonly name: string;
  /** Key of what it lies in. */
  readonly parent: string;
  readonly etag: string;
  /** Times are ms. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly createdBy: string;
  readonly updatedBy: string;
  readonly stamp: number;
  readonly home: string;
}

export type Row = Selectable<Tables['resources']>;

export const columns =
  '"key", id, type, parent, body, etag, created_at, updated_at, created_by, updated_by, stamp, home, deleted_at';

export function resourceOf(row: Row): Resource {
  const { name, type } = parseArmId(row.id)!;
  return {
    ...(JSON.parse(row.body) as ResourceBody),
    id: row.id,
    key: row.key,
    type,
    name,
    parent: row.parent,
    etag: row.etag,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    createdBy: row.created_by,
    updatedBy: row.updated_by,
    stamp: row.stamp,
    home: row.home,
  };
}

/** The body as it is stored. The order of parts is ours, so that equal bodies are equal text. */
export function bodyText({ location, tags, sku, identity, properties, own, state }: ResourceBody): string {
  return JSON.stringify({ location, tags, sku, identity, properties, own, state });
}

/** The row of a key, also of what has been deleted. */
export function findRow(db: LookUps, key: string): Promise<Row | undefined> {
  return db.first<Row>(`SELECT ${columns} FROM resources WHERE "key" = ?`, [key]);
}
