import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { bit, type Lockable, type Subject, wholeRepository } from './attributes.ts';
import { setAttributes, takeInside } from './change-attributes.ts';
import type { Catalog, Repository } from './context.ts';
import { shareRepository } from './hold-repository.ts';
import { requireUnlocked } from './refuse-locked.ts';
import './tables.ts';

/** Most keys that a repository, a tag or a manifest has. */
export const mostMetadata = 50;

/** What somebody keeps with a repository, a tag or a manifest. */
export interface Metadata {
  value: string;
  /** As it was given. */
  mediaType: string;
}

const of = 'FROM custom_metadata WHERE repository_id = ? AND kind = ? AND name = ?';

/** The keys of something, in byte order. */
export async function listMetadata({ db }: Catalog, { id }: Repository, { kind, name }: Subject): Promise<string[]> {
  const rows = await db.all<{ key: string }>(`SELECT "key" ${of} ORDER BY "key" LIMIT ${mostMetadata}`, [
    id,
    kind,
    name,
  ]);
  return rows.map(({ key }) => key);
}

export async function findMetadata(
  { db }: Catalog,
  { id }: Repository,
  { kind, name }: Subject,
  key: string,
): Promise<Metadata | undefined> {
  const row = await db.first<{ value: string; media_type: string }>(`SELECT value, media_type ${of} AND "key" = ?`, [
    id,
    kind,
    name,
    key,
  ]);
  return row && { value: row.value, mediaType: row.media_type };
}

/**
 * Sets a key. CONFLICT where there are `mostMetadata` others; REGISTRY_DISALLOWED_OPERATION where what it belongs to, or its
 * repository, is locked against writing; NAME_UNKNOWN or MANIFEST_UNKNOWN where that is gone.
 */
export async function putMetadata(
  catalog: Catalog,
  repository: Repository,
  subject: Subject,
  key: string,
  { value, mediaType }: Metadata,
): Promise<void> {
  const { id, registryId } = repository;
  const { kind, name } = subject;
  await catalog.db.write(async (tx) => {
    const row = await takeToWrite(catalog, tx, repository, subject);
    const keys = await keysOf(tx, id, subject);
    if (keys.length >= mostMetadata && !keys.includes(key)) {
      throw new RegistryError('CONFLICT', {
        message: `there are ${mostMetadata} keys of metadata here, and there may be no more; delete one first`,
        detail: { most: mostMetadata },
      });
    }
    if ((row.attributes & bit.metadata) === 0)
      setAttributes(tx, id, subject, row.attributes | bit.metadata, row.locked_until);
    tx.send(
      `INSERT INTO custom_metadata (registry_id, repository_id, kind, name, "key", value, media_type, updated_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (repository_id, kind, name, "key") DO UPDATE SET value = excluded.value,
          media_type = excluded.media_type, updated_at = excluded.updated_at`,
      [registryId, id, kind, name, key, value, mediaType, catalog.now()],
    );
  });
}

/** Deletes a key; false where there is none. Refuses as `putMetadata` does. */
export async function deleteMetadata(
  catalog: Catalog,
  repository: Repository,
  subject: Subject,
  key: string,
): Promise<boolean> {
  const { id } = repository;
  return catalog.db.write(async (tx) => {
    const row = await takeToWrite(catalog, tx, repository, subject);
    const keys = await keysOf(tx, id, subject);
    if (!keys.includes(key)) return false;
    tx.send(`DELETE ${of} AND "key" = ?`, [id, subject.kind, subject.name, key]);
    if (keys.length === 1) setAttributes(tx, id, subject, row.attributes & ~bit.metadata, row.locked_until);
    return true;
  });
}

async function keysOf(tx: Transaction, id: number, { kind, name }: Subject): Promise<string[]> {
  const rows = await tx.all<{ key: string }>(`SELECT "key" ${of} LIMIT ${mostMetadata}`, [id, kind, name]);
  return rows.map(({ key }) => key);
}

/** The row of what metadata belongs to, locked. */
async function takeToWrite(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  subject: Subject,
): Promise<Lockable> {
  if (subject.kind !== 'repository') {
    const { row } = await takeInside(catalog, tx, repository, subject);
    await requireUnlocked(catalog, tx, repository, subject, row, bit.writeEnabled);
    return row;
  }
  const { id, registryId, name } = repository;
  shareRepository(catalog, tx, registryId, name);
  const row = await tx.first<Lockable>(
    'SELECT attributes, locked_until FROM repositories WHERE id = ? AND name = ? FOR UPDATE',
    [id, name],
  );
  if (!row) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
  await requireUnlocked(catalog, tx, repository, wholeRepository, row, bit.writeEnabled);
  return row;
}
