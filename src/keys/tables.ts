import { type Migration, run, sqlTypes } from '../database/index.ts';

/** `token` signs the tokens that this server issues; `hmac` is the one key of `Keys.hmac`. */
type KeyPurpose = 'token' | 'hmac';

declare module '../database/tables.ts' {
  interface Tables {
    /** Keys of the whole server. What verifies tokens is here until no token of it can be alive. */
    signing_keys: {
      /** Of ES256 the thumbprint of the public key (RFC 7638). */
      kid: string;
      purpose: KeyPurpose;
      /** Counts the keys of a purpose from 1: who makes the next one has the only row with that number. */
      generation: number;
      algorithm: 'ES256' | 'HS256';
      /** JSON; null where there is none to publish. */
      public_jwk: string | null;
      /** Base64url of PKCS #8, or of the bytes of HMAC; sealed (see seal.ts) where `sealed_by` is not null. */
      private_key: string;
      /** Fingerprint of the secret that it is sealed under. */
      sealed_by: string | null;
      created_at: number;
      /** From when it signs (ms); others know it by then. */
      active_at: number;
      /** When the next one takes over (ms); null until there is a next one. */
      retire_at: number | null;
    };
  }
}

export const keyMigrations: Migration[] = [
  {
    name: '0014-signing-keys',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE signing_keys (kid ${text} PRIMARY KEY, purpose ${text} NOT NULL, generation ${int} NOT NULL,
          algorithm ${text} NOT NULL, public_jwk ${text}, private_key ${text} NOT NULL, sealed_by ${text},
          created_at ${int} NOT NULL, active_at ${int} NOT NULL, retire_at ${int})`,
        `CREATE UNIQUE INDEX signing_keys_generation ON signing_keys (purpose, generation)`,
      ]);
    },
  },
];
