import { holdManifest } from '../catalog/index.ts';
import { type Database, listsOf, placeholders, type Transaction } from '../database/index.ts';
import { appendEvent } from '../events/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Decision } from './decision.ts';
import { newVersion } from './evidence-store.ts';
import { areCurrent, type Part } from './part-store.ts';
import './tables.ts';

/** An image: a manifest in a repository. */
export interface ImagePlace {
  registryId: number;
  repositoryId: number;
  repository: string;
  digest: Digest;
}

/** A decision as it was recorded, with the rules that it was made by. */
export interface Verdict {
  decision: Decision;
  revision: string;
  /** Of what it was made of; 0 where there was nothing. */
  evidenceVersion: number;
  stateVersion: number;
  /** ms. */
  evaluatedAt: number;
  /** Whether blobs are let out by it. */
  letsBlobs: boolean;
}

export interface VerdictRow {
  body: string;
  revision: string;
  evidence_version: number;
  state_version: number;
  evaluated_at: number;
  valid_until: number;
  evidence_now: number | null;
  state_now: number | null;
}

/** A verdict with what its facts are now: where those have changed since, it is none. */
export const selectVerdict = `SELECT v.digest, v.body, v.revision, v.evidence_version, v.state_version, v.evaluated_at, v.valid_until,
    (SELECT CAST(sum(e.version) AS BIGINT) FROM evidence e
      WHERE e.digest = v.digest AND e.registry_id = v.registry_id) AS evidence_now,
    (SELECT q.version FROM quarantine_states q WHERE q.repository_id = v.repository_id AND q.digest = v.digest)
      AS state_now
  FROM verdicts v WHERE v.repository_id = ? AND v.digest`;

/** How long what refuses an index, or part of one, is believed (ms): another part may have changed since. */
const dependentMs = 2000;
/** After how long such a verdict is decided anew, whoever asks (ms), and one whose push nobody was told of yet. */
const recheckMs = 600_000;
const heldMs = 30_000;

/** The verdict on an image, if it was made by these rules and time has not changed it. One row, by its key. */
export async function readVerdict(
  { first }: Pick<Database, 'first'>,
  { repositoryId, digest }: Pick<ImagePlace, 'repositoryId' | 'digest'>,
  revision: string,
  now: number,
): Promise<Decision | undefined> {
  const row = await first<VerdictRow>(`${selectVerdict} = ?`, [repositoryId, digest]);
  return row && believed(row, revision, now);
}

/** The decision of a row; undefined where it is none by now. `dependentFor`: how long it is believed of an index that is refused (ms). */
export function believed(
  row: VerdictRow,
  revision: string,
  now: number,
  dependentFor = dependentMs,
): Decision | undefined {
  if (row.revision !== revision || row.valid_until <= now) return undefined;
  if (row.evidence_version !== (row.evidence_now ?? 0) || row.state_version !== (row.state_now ?? 0)) return undefined;
  const decision = JSON.parse(row.body) as Decision;
  // Or so far ahead: the clock has been put back since.
  const age = Math.abs(now - row.evaluated_at);
  if (decision.depends && decision.effect !== 'allow' && age >= dependentFor) return undefined;
  return decision;
}

/**
 * Verdicts on several manifests of a repository, those that are believed. For a list what is refused is believed until it is
 * decided anew, which is as soon as a part of it changes, and after ten minutes in any case.
 */
export async function readVerdicts(
  db: Database,
  repositoryId: number,
  digests: readonly Digest[],
  revision: string,
  now: number,
  isList = false,
): Promise<Map<Digest, Decision>> {
  const found = listsOf(digests).map(({ list, values }) =>
    db.all<VerdictRow & { digest: Digest }>(`${selectVerdict} IN (${list})`, [repositoryId, ...values]),
  );
  const decisions = new Map<Digest, Decision>();
  for (const row of (await Promise.all(found)).flat()) {
    const decision = believed(row, revision, now, isList ? Number.POSITIVE_INFINITY : dependentMs);
    if (decision) decisions.set(row.digest, decision);
  }
  return decisions;
}

/** What of a verdict was there when a decision was begun; undefined where there was none. */
export interface Recorded {
  effect: string;
  held: number;
  revision: string;
  /** Of its evidence; of a verdict that was outdated, another number each time that it is. */
  mark: number;
}

const selectRecorded =
  'SELECT effect, held, revision, evidence_version AS mark FROM verdicts WHERE repository_id = ? AND digest = ?';

/** Is asked for before the facts are collected that a decision is made of. */
export function recordedOf(db: Database, { repositoryId, digest }: ImagePlace): Promise<Recorded | undefined> {
  return db.first<Recorded>(selectRecorded, [repositoryId, digest]);
}

/** Whether a verdict was outdated since it was looked at: that is to reach whoever was deciding meanwhile. */
const isOutdated = (before: Recorded | undefined, seen: Recorded | undefined) =>
  before?.revision === '' && before.mark !== (seen?.mark ?? 0);

/**
 * Records a decision. What was pushed into quarantine and is admitted by it is told of as pushed, in the same
 * transaction. Nothing is recorded of a manifest that is gone. What has come since the decision was begun has another
 * version, so that nobody believes it; so is it with what an index was decided by, its `parts`, and with what was outdated since it
 * was `seen`. Resolves with whether the effect is another one than before.
 */
export async function writeVerdict(
  db: Database,
  place: ImagePlace,
  verdict: Verdict,
  mediaType: string,
  { seen, parts = [] }: { seen?: Recorded | undefined; parts?: readonly Part[] } = {},
): Promise<boolean> {
  const { registryId, repositoryId, repository, digest } = place;
  const { decision, revision, evidenceVersion, stateVersion, evaluatedAt, letsBlobs } = verdict;
  // What a crash takes back is decided again: nobody waits for the disk, unless somebody is told of a push.
  const durable = seen?.held === 1;
  const write = async (tx: Transaction) => {
    if (!(await holdManifest(tx, repositoryId, digest))) return false;
    const before = await tx.first<Recorded>(`${selectRecorded} FOR UPDATE`, [repositoryId, digest]);
    const facts = await tx.first<{ evidence: number | null; state: number | null }>(
      `SELECT (SELECT CAST(sum(version) AS BIGINT) FROM evidence WHERE digest = ? AND registry_id = ?) AS evidence,
        (SELECT version FROM quarantine_states WHERE repository_id = ? AND digest = ?) AS state`,
      [digest, registryId, repositoryId, digest],
    );
    // Written since the decision was begun: nobody will believe it, and it is made anew at once.
    const isOutrun = isOutdated(before, seen) || (parts.length > 0 && !(await areCurrent(tx, place, parts)));
    const isStale = isOutrun || (facts?.evidence ?? 0) !== evidenceVersion || (facts?.state ?? 0) !== stateVersion;
    const isHeld = before?.held === 1;
    const ends = isHeld && !isStale && isReleased(decision);
    // Held since we looked: the next round tells of it.
    const released = ends && durable;
    tx.send(
      `INSERT INTO verdicts (registry_id, repository_id, digest, effect, revision, evidence_version, state_version, body,
          evaluated_at, valid_until, due, lets_blobs)
        VALUES (${placeholders(12)}) ON CONFLICT (repository_id, digest) DO UPDATE SET effect = excluded.effect,
          revision = excluded.revision, evidence_version = excluded.evidence_version,
          state_version = excluded.state_version, body = excluded.body, evaluated_at = excluded.evaluated_at,
          valid_until = excluded.valid_until, due = excluded.due, lets_blobs = excluded.lets_blobs, held = ${released ? '0' : 'verdicts.held'}`,
      [
        registryId,
        repositoryId,
        digest,
        decision.effect,
        isOutrun ? '' : revision,
        evidenceVersion,
        stateVersion,
        JSON.stringify(parts.length > 0 ? { ...decision, parts: parts.map((part) => part.digest) } : decision),
        evaluatedAt,
        decision.validUntil,
        isStale || (ends && !released) ? -1 : dueOf(decision, evaluatedAt, isHeld),
        letsBlobs ? 1 : 0,
      ],
    );
    if (released) {
      const data = { repository, digest, mediaType, released: true };
      appendEvent(tx, { registryId, type: 'manifest.pushed', data, at: evaluatedAt });
    }
    return before?.effect !== decision.effect;
  };
  return db.write(write, { durable });
}

/** When a decision is made anew, whoever asks: what waits for something else now and then, should nobody have told of that. */
function dueOf({ depends, effect, validUntil }: Decision, evaluatedAt: number, isHeld: boolean): number {
  const waits = effect === 'pending' || (depends && effect !== 'allow');
  return waits ? Math.min(validUntil, evaluatedAt + (isHeld ? heldMs : recheckMs)) : validUntil;
}

/** Whether nothing keeps an image in quarantine any more. */
const isReleased = ({ quarantine }: Decision) => quarantine === undefined || quarantine.state === 'Passed';

/** Remembers that the push of an image was told of as one into quarantine. */
export async function markHeld(tx: Transaction, place: ImagePlace, now: number): Promise<void> {
  await tx.run(`${blankVerdict} held = 1`, blankOf(place, now, -1, 1));
}

/** Has an image decided on at a time (ms), also where there is no verdict on it yet. */
export async function decideLater(tx: Transaction, place: ImagePlace, due: number, now: number): Promise<void> {
  await tx.run(`${blankVerdict} due = excluded.due`, blankOf(place, now, due, 0));
}

/** A verdict that says nothing yet. */
const blankVerdict = `INSERT INTO verdicts (registry_id, repository_id, digest, effect, revision, evidence_version,
    state_version, body, evaluated_at, valid_until, due, held)
  VALUES (?, ?, ?, 'pending', '', 0, 0, '{}', ?, 0, ?, ?) ON CONFLICT (repository_id, digest) DO UPDATE SET`;
const blankOf = ({ registryId, repositoryId, digest }: ImagePlace, now: number, due: number, held: 0 | 1) => [
  registryId,
  repositoryId,
  digest,
  now,
  due,
  held,
];

/**
 * Has nobody believe the verdicts on some manifests of a repository any more, and makes them anew in the background; also those
 * that somebody is about to write.
 */
export function outdate(tx: Transaction, repositoryId: number, digests: readonly Digest[]): void {
  const mark = newVersion();
  for (const { list, values } of listsOf(digests)) {
    tx.send(
      `UPDATE verdicts SET revision = '', evidence_version = ?, due = -1 WHERE repository_id = ? AND digest IN (${list})`,
      [mark, repositoryId, ...values],
    );
  }
}

/** The repositories of a registry that have a verdict on a digest. */
export async function placesOf(db: Database, registryId: number, digest: Digest): Promise<number[]> {
  const rows = await db.all<{ repository_id: number }>(
    'SELECT repository_id FROM verdicts WHERE digest = ? AND registry_id = ? ORDER BY repository_id',
    [digest, registryId],
  );
  return rows.map(({ repository_id }) => repository_id);
}

/** What lay below an index when it was decided on last. */
export async function partsOf(db: Database, repositoryId: number, digest: Digest): Promise<Digest[]> {
  const row = await db.first<{ body: string }>('SELECT body FROM verdicts WHERE repository_id = ? AND digest = ?', [
    repositoryId,
    digest,
  ]);
  return (row && (JSON.parse(row.body) as { parts?: Digest[] }).parts) ?? [];
}

/** Forgets all that is recorded of an image. */
export async function forgetImage(tx: Transaction, repositoryId: number, digest: Digest): Promise<void> {
  await tx.run('DELETE FROM verdicts WHERE repository_id = ? AND digest = ?', [repositoryId, digest]);
  await tx.run('DELETE FROM quarantine_states WHERE repository_id = ? AND digest = ?', [repositoryId, digest]);
}
