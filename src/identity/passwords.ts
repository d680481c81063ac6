import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { aheadMs, type Database, type Transaction } from '../database/index.ts';
import './tables.ts';

/** Whose password it is. */
export interface PasswordOwner {
  registryId: number;
  kind: 'token' | 'admin';
  /** Of the token; of the registry, for its admin user. */
  name: string;
}

export const slots = ['password1', 'password2'] as const;
export type Slot = (typeof slots)[number];

/** What is known of a password; never what it is. */
export interface PasswordFacts {
  slot: Slot;
  id: string;
  createdAt: number;
  expiresAt: number | undefined;
  lastUsedAt: number | undefined;
}

interface Row {
  slot: Slot;
  id: string;
  mac: string;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
}

export interface Passwords {
  /** Makes a password, in place of the one in that slot. What it returns is shown once and kept nowhere. */
  generate(
    tx: Transaction,
    owner: PasswordOwner,
    slot: Slot,
    expiresAt?: number,
  ): Promise<{ id: string; value: string }>;
  /** All go but those that are kept. */
  drop(tx: Transaction, owner: PasswordOwner, kept?: readonly Slot[]): Promise<void>;
  list(owner: PasswordOwner): Promise<PasswordFacts[]>;
  /** All there are, with whose they are; names in lower case. */
  all(): Promise<(PasswordFacts & PasswordOwner)[]>;
  /** The password that this is, if it is one that has not expired; takes as long whether or not there is one. */
  verify(owner: PasswordOwner, value: string): Promise<PasswordFacts | undefined>;
  /** Whether a password is still one. */
  stands(owner: PasswordOwner, id: string): Promise<boolean>;
  /** Writes down which were used since the last time; for the background. */
  recordUses(): Promise<void>;
}

/** Letters and digits before the random part, so that scanners for leaked secrets find it. */
const prefix = 'bonded_';

/** `mac` is an HMAC under a key of the server; `isEqual` compares in a time that tells nothing. */
export function createPasswords(
  db: Database,
  mac: (text: string) => Buffer,
  now: () => number = Date.now,
  isEqual: (one: Buffer, other: Buffer) => boolean = timingSafeEqual,
): Passwords {
  /** When which password was used, by its key. */
  const used = new Map<string, { key: readonly (string | number)[]; at: number }>();
  const columns = 'slot, id, mac, created_at, expires_at, last_used_at';
  const of = 'registry_id = ? AND kind = ? AND owner = ?';
  const rowsOf = (owner: PasswordOwner) =>
    db.all<Row>(`SELECT ${columns} FROM passwords WHERE ${of} ORDER BY slot`, keyOf(owner));

  return {
    async generate(tx, owner, slot, expiresAt) {
      const value = `${prefix}${randomBytes(32).toString('base64url')}`;
      const id = randomUUID();
      await tx.run(
        `INSERT INTO passwords (registry_id, kind, owner, slot, id, mac, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (registry_id, kind, owner, slot) DO UPDATE SET id = excluded.id, mac = excluded.mac,
          created_at = excluded.created_at, expires_at = excluded.expires_at, last_used_at = NULL`,
        [...keyOf(owner), slot, id, mac(value).toString('hex'), now(), expiresAt ?? null],
      );
      return { id, value };
    },
    async drop(tx, owner, kept = []) {
      for (const slot of slots.filter((one) => !kept.includes(one))) {
        await tx.run(`DELETE FROM passwords WHERE ${of} AND slot = ?`, [...keyOf(owner), slot]);
      }
    },
    list: async (owner) => (await rowsOf(owner)).map(factsOf),
    async all() {
      const rows = await db.all<Row & { registry_id: number; kind: PasswordOwner['kind']; owner: string }>(
        `SELECT registry_id, kind, owner, ${columns} FROM passwords ORDER BY registry_id, kind, owner, slot`,
        [],
      );
      return rows.map((row) => {
        const facts = factsOf(row);
        // What is not yet written down counts, too.
        const lastUsedAt = used.get(row.id)?.at ?? facts.lastUsedAt;
        return { ...facts, lastUsedAt, registryId: row.registry_id, kind: row.kind, name: row.owner };
      });
    },
    async verify(owner, value) {
      const given = mac(value);
      const rows = await rowsOf(owner);
      // Always two comparisons, so that time says nothing of how many there are, or whether there is such a user.
      let found: Row | undefined;
      for (const slot of slots) {
        const row = rows.find((candidate) => candidate.slot === slot);
        const wanted = row ? Buffer.from(row.mac, 'hex') : Buffer.alloc(given.length);
        if (isEqual(given, wanted) && row) found = row;
      }
      if (!found || (found.expires_at !== null && found.expires_at <= now())) return undefined;
      used.set(found.id, { key: [...keyOf(owner), found.slot, found.id], at: now() });
      return factsOf(found);
    },
    async stands(owner, id) {
      const row = (await rowsOf(owner)).find((candidate) => candidate.id === id);
      return row !== undefined && (row.expires_at === null || row.expires_at > now());
    },
    async recordUses() {
      // In one order, so that two processes never wait for each other.
      const uses = [...used].toSorted(([one], [other]) => (one < other ? -1 : 1));
      used.clear();
      if (uses.length === 0) return;
      await db.write(
        async (tx) => {
          const text = `UPDATE passwords SET last_used_at = ? WHERE ${of} AND slot = ? AND id = ?
            AND (last_used_at IS NULL OR last_used_at NOT BETWEEN ? AND ?)`;
          for (const [, { key, at }] of uses) tx.send(text, [at, ...key, at, at + aheadMs]);
        },
        { durable: false },
      );
    },
  };
}

function keyOf({ registryId, kind, name }: PasswordOwner) {
  return [registryId, kind, name.toLowerCase()] as const;
}

function factsOf(row: Row): PasswordFacts {
  return {
    slot: row.slot,
    id: row.id,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}
