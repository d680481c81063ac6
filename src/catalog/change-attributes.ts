import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { appendEvent } from '../events/index.ts';
import {
  type Abilities,
  abilities,
  abilitiesOf,
  bit,
  forever,
  heldBits,
  keepBits,
  type Lockable,
  lockBits,
  type Subject,
  wholeRepository,
} from './attributes.ts';
import type { Catalog, Repository } from './context.ts';
import { shareRepository, takeRepository } from './hold-repository.ts';
import { type LockRow, lockOf, requireUnlocked } from './refuse-locked.ts';
import './tables.ts';

/** What somebody wants changed; what is left out stays as it is. */
export interface AttributeChange extends Partial<Abilities> {
  /** Why; null takes it away. */
  reason?: string | null;
  /** Until when (ms); null: until somebody unlocks it. */
  expiresAt?: number | null;
}

/**
 * Changes what may be done with a repository, a tag or a manifest. Once this resolves nothing gets through that the change
 * forbids, from whichever process. `by` becomes the owner of the lock. NAME_UNKNOWN or MANIFEST_UNKNOWN where it is gone;
 * REGISTRY_DISALLOWED_OPERATION for what is in a repository that is locked against writing; BAD_REQUEST for a reason or an
 * end of a lock that there is not. A lock never keeps anybody from changing itself, or nothing could be unlocked.
 */
export async function changeAttributes(
  catalog: Catalog,
  repository: Repository,
  subject: Subject,
  change: AttributeChange,
  by: string,
): Promise<void> {
  await catalog.db.write(async (tx) => {
    const { row, digest } =
      subject.kind === 'repository'
        ? await takeWhole(catalog, tx, repository)
        : await takeInside(catalog, tx, repository, subject, marksOf(subject, change));
    const now = catalog.now();
    const held = heldBits(row, now);
    const lock = held === 0 ? undefined : await lockOf(tx, repository.id, subject);
    const next = nextLock(held, lock, change);
    if (isSame(held, lock, next)) return;
    storeLock(tx, repository, subject, digest, row, { ...next, owner: by, at: now });
    appendEvent(tx, {
      registryId: repository.registryId,
      type: 'attributes.changed',
      data: { repository: repository.name, level: subject.kind, name: subject.name, by, ...abilitiesOf(next.bits) },
      at: now,
    });
  });
}

interface Taken {
  row: Lockable;
  /** The manifest that a lock would keep; '' of a repository. */
  digest: string;
}

/** A repository, to which nobody writes until the transaction ends. */
async function takeWhole(catalog: Catalog, tx: Transaction, { id, registryId, name }: Repository): Promise<Taken> {
  takeRepository(catalog, tx, registryId, name);
  const row = await tx.first<Lockable>(
    'SELECT attributes, locked_until FROM repositories WHERE id = ? AND name = ? FOR UPDATE',
    [id, name],
  );
  if (!row) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
  return { row, digest: '' };
}

/** A tag or a manifest; `marks` are set at its repository before its own row is locked. */
export async function takeInside(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  subject: Subject,
  marks = 0,
): Promise<Taken> {
  const { id, registryId, name } = repository;
  shareRepository(catalog, tx, registryId, name);
  const whole = await tx.first<Lockable>(
    'SELECT attributes, locked_until FROM repositories WHERE id = ? AND name = ?',
    [id, name],
  );
  if (!whole) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
  await requireUnlocked(catalog, tx, repository, wholeRepository, whole, bit.writeEnabled);
  if ((whole.attributes & marks) !== marks)
    tx.send('UPDATE repositories SET attributes = attributes | ? WHERE id = ?', [marks, id]);
  const row = await rowOfSubject(tx, id, subject);
  if (row) return { row, digest: row.digest };
  throw new RegistryError('MANIFEST_UNKNOWN', {
    message: `${subject.kind} unknown to this repository`,
    detail: { [subject.kind === 'tag' ? 'tag' : 'digest']: subject.name },
  });
}

function rowOfSubject(tx: Transaction, id: number, { kind, name }: Subject) {
  const text =
    kind === 'tag'
      ? 'SELECT digest, attributes, locked_until FROM tags WHERE repository_id = ? AND name = ? FOR UPDATE'
      : 'SELECT digest, attributes, locked_until FROM manifests WHERE repository_id = ? AND digest = ? FOR UPDATE';
  return tx.first<Lockable & { digest: string }>(text, [id, name]);
}

/** What a repository has to say of what is in it. They stay: who locked once pays for a further look-up. */
function marksOf({ kind }: Subject, { readEnabled, listEnabled }: AttributeChange): number {
  if (kind === 'manifest') return readEnabled === false ? bit.unreadable : 0;
  return listEnabled === false ? bit.hidden : 0;
}

interface NextLock {
  bits: number;
  reason: string | null;
  until: number;
}

function nextLock(held: number, lock: LockRow | undefined, change: AttributeChange): NextLock {
  let bits = held;
  for (const ability of abilities) {
    if (change[ability] === false) bits |= bit[ability];
    else if (change[ability] === true) bits &= ~bit[ability];
  }
  if (bits !== 0) {
    const { reason = lock?.reason ?? null, expiresAt = lock?.locked_until ?? forever } = change;
    return { bits, reason, until: expiresAt ?? forever };
  }
  if ((change.reason ?? change.expiresAt ?? null) !== null) {
    throw new RegistryError('BAD_REQUEST', {
      message: 'nothing is locked by this, so there is nothing to give a reason or an end: set an attribute to false',
    });
  }
  return { bits, reason: null, until: 0 };
}

function isSame(held: number, lock: LockRow | undefined, { bits, reason, until }: NextLock): boolean {
  if (held !== bits) return false;
  return bits === 0 || (lock?.reason === reason && lock.locked_until === until);
}

const tableOf = { repository: 'repositories', tag: 'tags', manifest: 'manifests' } as const;
const keyOf = {
  repository: 'id = ?',
  tag: 'repository_id = ? AND name = ?',
  manifest: 'repository_id = ? AND digest = ?',
};

function storeLock(
  tx: Transaction,
  { id, registryId }: Repository,
  subject: Subject,
  digest: string,
  row: Lockable,
  { bits, reason, until, owner, at }: NextLock & { owner: string; at: number },
): void {
  const { kind, name } = subject;
  setAttributes(tx, id, subject, (row.attributes & ~lockBits) | bits, until);
  if (bits === 0) {
    tx.send('DELETE FROM locks WHERE repository_id = ? AND kind = ? AND name = ?', [id, kind, name]);
    return;
  }
  const keeps = (bits & keepBits) === 0 ? 0 : 1;
  tx.send(
    `INSERT INTO locks
        (registry_id, repository_id, kind, name, digest, attributes, keeps, locked_until, owner, reason, locked_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (repository_id, kind, name) DO UPDATE SET digest = excluded.digest, attributes = excluded.attributes,
        keeps = excluded.keeps, locked_until = excluded.locked_until, owner = excluded.owner, reason = excluded.reason,
        locked_at = excluded.locked_at`,
    [registryId, id, kind, name, digest, bits, keeps, until, owner, reason, at],
  );
}

/** Caller holds the row. */
export function setAttributes(
  tx: Transaction,
  id: number,
  { kind, name }: Subject,
  attributes: number,
  until: number,
): void {
  tx.send(`UPDATE ${tableOf[kind]} SET attributes = ?, locked_until = ? WHERE ${keyOf[kind]}`, [
    attributes,
    until,
    id,
    ...(kind === 'repository' ? [] : [name]),
  ]);
}
