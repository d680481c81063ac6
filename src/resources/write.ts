import { randomBytes } from 'node:crypto';
import type { LookUps, Transaction } from '../database/index.ts';
import { appendEvent } from '../events/index.ts';
import { armKey, ManagementError, parseArmId } from '../operations/index.ts';
import { lockClock, moveClock } from './clock.ts';
import { bodyText, columns, findRow, type Resource, type ResourceBody, resourceOf, type Row } from './resource.ts';
import './tables.ts';

/** RFC 9110 §13.1: `*`, or the ETags of which it must be one. Without quotes. */
export interface Preconditions {
  ifMatch?: '*' | readonly string[] | undefined;
  /** Only where there is none yet. */
  ifNoneMatch?: '*' | undefined;
}

export interface ChangeOptions extends Preconditions {
  /** Who does it, for people to read. */
  by: string;
  /** Registry of the event; 0 where it concerns none. */
  registryId?: number;
  /** Most bytes of the body in JSON. */
  mostBytes?: number | undefined;
}

export interface PutOptions extends ChangeOptions {
  /** Most resources of this type in one parent. */
  most?: number;
  /** Ids that must be there beside the parent of a child, such as the resource that an extension extends. */
  requires?: readonly string[];
}

export interface DeleteOptions extends ChangeOptions {
  /** Whether what lies in it goes too; otherwise it is refused while there is anything. */
  cascade?: boolean;
}

export interface Put {
  resource: Resource;
  /** What was there before. */
  previous: Resource | undefined;
}

/** Most bytes of a body in JSON, unless its type says so. */
const largestBody = 64 * 1024;
const mostResources = 10_000;

export interface WriteContext {
  now: () => number;
  home: string;
}

/** Writes a resource, new or not. The same body again changes nothing. */
export async function putResource(
  { now, home }: WriteContext,
  tx: Transaction,
  id: string,
  body: ResourceBody,
  options: PutOptions,
): Promise<Put> {
  const arm = parseArmId(id);
  if (!arm?.parent) throw new ManagementError('InvalidResourceName', 'the id is not that of a resource');
  const clock = await lockClock(tx);
  const parent = armKey(arm.parent)!;
  const row = await findRow(tx, arm.key);
  const live = row && row.deleted_at === null ? row : undefined;
  requirePreconditions(arm.id, live, options);
  const text = bodyText(body);
  const { mostBytes = largestBody } = options;
  if (Buffer.byteLength(text) > mostBytes) {
    throw new ManagementError('InvalidRequestContent', `a resource may have ${mostBytes} bytes; make it smaller`);
  }
  const type = arm.type.toLowerCase();
  if (!live) {
    await requireParents(tx, arm.id, [...(arm.isChild ? [arm.parent] : []), ...(options.requires ?? [])]);
    await requireRoom(tx, parent, arm.type, options.most ?? mostResources);
  } else if (live.body === text) {
    const resource = resourceOf(live);
    return { resource, previous: resource };
  }
  const at = now();
  const next: Row = {
    key: arm.key,
    id: live?.id ?? arm.id,
    type,
    parent,
    body: text,
    etag: newEtag(),
    created_at: live?.created_at ?? at,
    updated_at: at,
    created_by: live?.created_by ?? options.by,
    updated_by: options.by,
    stamp: clock + 1,
    home,
    deleted_at: null,
  };
  if (row) tx.send(updateText, [...updated.map((column) => next[column]), next.key]);
  else
    tx.send(
      `INSERT INTO resources (${columns}) VALUES (${marks})`,
      inserted.map((column) => next[column]),
    );
  moveClock(tx, next.stamp);
  recordChange(tx, 'resource.written', next, options);
  return { resource: resourceOf(next), previous: live && resourceOf(live) };
}

const inserted = [
  'key',
  'id',
  'type',
  'parent',
  'body',
  'etag',
  'created_at',
  'updated_at',
  'created_by',
  'updated_by',
  'stamp',
  'home',
  'deleted_at',
] as const;
const marks = inserted.map(() => '?').join(', ');
const updated = inserted.slice(1);
const updateText = `UPDATE resources SET ${updated.map((column) => `${column} = ?`).join(', ')} WHERE "key" = ?`;

/**
 * Removes a resource and leaves a mark of it for whoever follows the changes. Returns it with all that went along, those
 * that lie deepest first; undefined where there is none.
 */
export async function deleteResource(
  { now }: WriteContext,
  tx: Transaction,
  id: string,
  options: DeleteOptions,
): Promise<Resource[] | undefined> {
  const key = armKey(id);
  if (key === undefined) return undefined;
  const clock = await lockClock(tx);
  const row = await findRow(tx, key);
  const live = row && row.deleted_at === null ? row : undefined;
  requirePreconditions(id, live, options);
  if (!live) return undefined;
  const below = await rowsBelow(tx, key, options.cascade === false ? 1 : undefined);
  if (options.cascade === false && below[0]) {
    throw new ManagementError('ResourceInUse', `${below[0].id} lies in this resource; delete that first`, {
      target: id,
    });
  }
  const going = [...below.toReversed(), live];
  const at = now();
  for (const [index, gone] of going.entries()) {
    tx.send(
      `UPDATE resources SET deleted_at = ?, updated_at = ?, updated_by = ?, stamp = ?, etag = ? WHERE "key" = ?`,
      [at, at, options.by, clock + 1 + index, newEtag(), gone.key],
    );
    recordChange(tx, 'resource.deleted', { ...gone, updated_at: at }, options);
  }
  moveClock(tx, clock + going.length);
  return going.map(resourceOf);
}

/** All that lies below a key, children and extensions: `/` is followed by `0` in the order of bytes. */
function rowsBelow(tx: Transaction, key: string, limit = 1_000_000): Promise<Row[]> {
  return tx.all<Row>(
    `SELECT ${columns} FROM resources WHERE "key" > ? AND "key" < ? AND deleted_at IS NULL ORDER BY "key" LIMIT ?`,
    [`${key}/`, `${key}0`, limit],
  );
}

function requirePreconditions(id: string, live: Row | undefined, { ifMatch, ifNoneMatch }: Preconditions): void {
  const target = id;
  if (ifNoneMatch === '*' && live) {
    throw new ManagementError(
      'PreconditionFailed',
      'the resource exists already; leave If-None-Match out to change it',
      {
        target,
      },
    );
  }
  if (ifMatch === undefined || (live && (ifMatch === '*' || ifMatch.includes(live.etag)))) return;
  const message = live
    ? 'the resource was changed meanwhile; read it again and repeat the request with its new etag'
    : 'there is no such resource, which If-Match demands';
  throw new ManagementError('PreconditionFailed', message, { target });
}

async function requireParents(tx: Transaction, id: string, parents: readonly string[]): Promise<void> {
  const keys = parents.map((parent) => armKey(parent) ?? parent);
  const rows = await Promise.all(keys.map((key) => findRow(tx, key)));
  const missing = rows.findIndex((row) => !row || row.deleted_at !== null);
  if (missing < 0) return;
  throw new ManagementError(
    'ParentResourceNotFound',
    `the resource ${parents[missing]} that this one belongs to was not found; create that first`,
    { target: id },
  );
}

async function requireRoom(tx: Transaction, parent: string, type: string, most: number): Promise<void> {
  if ((await countResources(tx, parent, type, most)) < most) return;
  throw new ManagementError('QuotaExceeded', `there are ${most} resources of type ${type} already; delete some first`);
}

/** How many there are in one parent (a key), up to `most`. */
export async function countResources(reader: LookUps, parent: string, type: string, most: number): Promise<number> {
  const counted = await reader.first<{ n: number }>(
    `SELECT count(*) AS n FROM (SELECT 1 AS one FROM resources WHERE parent = ? AND type = ? AND deleted_at IS NULL
      LIMIT ?) AS counted`,
    [parent, type.toLowerCase(), most],
  );
  return counted!.n;
}

function recordChange(tx: Transaction, type: string, row: Row, { by, registryId = 0 }: ChangeOptions): void {
  appendEvent(tx, { registryId, type, data: { id: row.id, resourceType: row.type, by }, at: row.updated_at });
}

function newEtag(): string {
  return randomBytes(8).toString('hex');
}
