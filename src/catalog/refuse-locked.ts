import type { LookUps, Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { abilities, bit, heldBits, keepBits, type Lockable, type Subject, wholeRepository } from './attributes.ts';
import type { Catalog, Repository } from './context.ts';
import { shareRepository } from './hold-repository.ts';
import './tables.ts';

type Scope = Pick<Repository, 'id' | 'name'>;

/** Throws REGISTRY_DISALLOWED_OPERATION where a lock of these bits holds what the row is of. */
export async function requireUnlocked(
  { now }: Catalog,
  from: LookUps,
  repository: Scope,
  subject: Subject,
  row: Lockable,
  bits: number,
): Promise<void> {
  if ((row.attributes & bits) === 0) return;
  const held = heldBits(row, now()) & bits;
  if (held !== 0) throw await refusal(from, repository, subject, held);
}

/**
 * Before something inside a repository is taken away. Throws REGISTRY_DISALLOWED_OPERATION where the repository is locked,
 * and keeps it from being locked until the transaction ends.
 */
export async function requireTakingAway(catalog: Catalog, tx: Transaction, repository: Repository): Promise<void> {
  shareRepository(catalog, tx, repository.registryId, repository.name);
  const row = await rowOf(tx, repository.id);
  if (row) await requireUnlocked(catalog, tx, repository, wholeRepository, row, keepBits);
}

/** The two columns of a repository. */
export function rowOf(from: LookUps, id: number): Promise<Lockable | undefined> {
  return from.first<Lockable>('SELECT attributes, locked_until FROM repositories WHERE id = ?', [id]);
}

/**
 * Throws REGISTRY_DISALLOWED_OPERATION where a manifest is kept by a lock of its own, or by one of a tag that names it. The
 * caller holds the manifest's row.
 */
export async function requireUnkept(
  { now }: Catalog,
  tx: Transaction,
  repository: Scope,
  digest: string,
): Promise<void> {
  const kept = await tx.first<LockRow>(
    `${lockColumns} WHERE digest = ? AND repository_id = ? AND keeps = 1 AND locked_until > ? LIMIT 1`,
    [digest, repository.id, now()],
  );
  if (kept) throw refusalOf(repository, kept, kept.attributes & keepBits);
}

/** Throws REGISTRY_DISALLOWED_OPERATION where a lock keeps the repository, or anything in it. */
export async function requireNothingKept({ now }: Catalog, tx: Transaction, repository: Scope): Promise<void> {
  const kept = await tx.first<LockRow>(
    `${lockColumns} WHERE repository_id = ? AND keeps = 1 AND locked_until > ? ORDER BY locked_until DESC LIMIT 1`,
    [repository.id, now()],
  );
  if (kept) throw refusalOf(repository, kept, kept.attributes & keepBits);
}

export interface LockRow extends Subject {
  attributes: number;
  locked_until: number;
  owner: string;
  reason: string | null;
}

export const lockColumns = 'SELECT kind, name, attributes, locked_until, owner, reason FROM locks';

/** A refusal with what is known of the lock. */
async function refusal(from: LookUps, repository: Scope, subject: Subject, held: number): Promise<RegistryError> {
  const lock = await lockOf(from, repository.id, subject);
  return refusalOf(repository, lock ?? subject, held);
}

export function lockOf(from: LookUps, repositoryId: number, { kind, name }: Subject): Promise<LockRow | undefined> {
  return from.first<LockRow>(`${lockColumns} WHERE repository_id = ? AND kind = ? AND name = ?`, [
    repositoryId,
    kind,
    name,
  ]);
}

/** ACR's sentence (acr §3.2 Errors), and ours: what is locked, by whom, why and until when. */
function refusalOf(repository: Scope, lock: Subject & Partial<LockRow>, held: number): RegistryError {
  const { kind, name, owner, reason, locked_until: until } = lock;
  const attribute = abilities.find((ability) => (held & bit[ability]) !== 0)!;
  const what = kind === 'repository' ? `repository ${repository.name}` : `${kind} ${name} of ${repository.name}`;
  const ends = until === undefined || !isDate(until) ? undefined : new Date(until).toISOString();
  const by = owner === undefined ? '' : ` by ${owner}`;
  const why = reason ? `: ${reason}` : '';
  return new RegistryError('REGISTRY_DISALLOWED_OPERATION', {
    message:
      `The operation is disallowed on this registry, repository or image. The ${what} has ${attribute} set to false` +
      `${by}${ends === undefined ? '' : ` until ${ends}`}${why}`,
    detail: {
      level: kind,
      name: kind === 'repository' ? repository.name : name,
      attribute,
      ...(owner !== undefined && { lockOwner: owner }),
      ...(reason && { lockReason: reason }),
      ...(ends !== undefined && { lockExpiresOn: ends }),
    },
  });
}

/** A time, and not for ever. */
export const isDate = (at: number): boolean => Math.abs(at) <= 8_640_000_000_000_000;
