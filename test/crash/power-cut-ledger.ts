import { type Digest, digestOf } from '../../src/oci/index.ts';

/** Whether something is there: for sure, for sure not, or whichever (a request is under way, or collection may take it). */
export type Presence = 'there' | 'maybe' | 'gone';

/** What a session may hold: bytes of `content`, at least `least` and at most `most` of them. */
export interface Extent {
  content: Buffer;
  least: number;
  most: number;
}

export interface SessionState {
  repository: string;
  possible: readonly Extent[];
  /** The content whose blob is there when the session is not; null when it may just be gone. */
  closing: Buffer | null | undefined;
}

export interface BlobState {
  repository: string;
  content: Buffer;
  presence: Presence;
}

export interface ManifestState {
  repository: string;
  presence: Presence;
  contents: readonly Buffer[];
}

/** What clients were told. Every change makes a new one: a moment keeps the one that held then. */
export interface Ledger {
  /** By repository and digest. */
  blobs: ReadonlyMap<string, BlobState>;
  manifests: ReadonlyMap<string, ManifestState>;
  sessions: ReadonlyMap<string, SessionState>;
  /** By repository: where `latest` may point. */
  tags: ReadonlyMap<string, readonly (Digest | undefined)[]>;
}

export const emptyLedger: Ledger = { blobs: new Map(), manifests: new Map(), sessions: new Map(), tags: new Map() };

export function keyOf(repository: string, digest: Digest): string {
  return `${repository} ${digest}`;
}

export function digestOfKey(key: string): Digest {
  return key.slice(key.indexOf(' ') + 1) as Digest;
}

/** The ledger with one entry set, or removed (undefined). */
export function withEntry<K extends keyof Ledger>(
  ledger: Ledger,
  kind: K,
  key: string,
  value: (Ledger[K] extends ReadonlyMap<string, infer V> ? V : never) | undefined,
): Ledger {
  const entries = new Map<string, unknown>(ledger[kind]);
  if (value === undefined) entries.delete(key);
  else entries.set(key, value);
  return { ...ledger, [kind]: entries };
}

/** Of a blob that no manifest holds for sure, collection may take what it wants. */
export function withCollection(ledger: Ledger): Ledger {
  const held = new Set<string>();
  for (const { presence, repository, contents } of ledger.manifests.values()) {
    if (presence === 'there') for (const content of contents) held.add(keyOf(repository, digestOf(content)));
  }
  const blobs = new Map(ledger.blobs);
  for (const [key, blob] of blobs) {
    if (blob.presence === 'there' && !held.has(key)) blobs.set(key, { ...blob, presence: 'maybe' });
  }
  // Also what a session that is being closed has become by now.
  const sessions = new Map(ledger.sessions);
  for (const [id, session] of sessions) if (session.closing) sessions.set(id, { ...session, closing: null });
  return { ...ledger, blobs, sessions };
}
