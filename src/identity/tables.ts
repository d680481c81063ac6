import { type Migration, run, sqlTypes } from '../database/index.ts';

declare module '../database/tables.ts' {
  interface Tables {
    /**
     * Passwords of repository-scoped tokens and of the admin user. The password itself is nowhere: of 32 random bytes an
     * HMAC says enough (acr §2.5).
     */
    passwords: {
      registry_id: number;
      /** `token` or `admin`. */
      kind: string;
      /** Of the token, in lower case; of the registry, for its admin user. */
      owner: string;
      /** `password1` or `password2`, so that one can be replaced while the other is in use. */
      slot: string;
      /** Another one with each password: what was given out for the one before ends with it. */
      id: string;
      /** HMAC-SHA256 under the registry's key, hexadecimal. */
      mac: string;
      created_at: number;
      expires_at: number | null;
      /** When it was last shown (ms), give or take a minute. */
      last_used_at: number | null;
    };
    /** Which role assignments allowed something, and when last: those that never do can go. */
    right_uses: {
      /** Key of the assignment's id. */
      assignment: string;
      /** Of the assignment: 0, because one may be for all registries. */
      registry_id: number;
      /** When it last allowed something (ms), give or take an hour. */
      last_used_at: number;
    };
  }
}

export const identityMigrations: Migration[] = [
  {
    name: '0017-passwords',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE passwords (registry_id ${int} NOT NULL, kind ${text} NOT NULL, owner ${text} NOT NULL,
          slot ${text} NOT NULL, id ${text} NOT NULL, mac ${text} NOT NULL, created_at ${int} NOT NULL,
          expires_at ${int}, last_used_at ${int}, PRIMARY KEY (registry_id, kind, owner, slot))`,
      ]);
    },
  },
  {
    name: '0018-right-uses',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE right_uses (assignment ${text} NOT NULL, registry_id ${int} NOT NULL, last_used_at ${int} NOT NULL,
          PRIMARY KEY (assignment))`,
      ]);
    },
  },
];
