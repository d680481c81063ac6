import { type Migration, run, sqlTypes } from '../database/index.ts';
import { postgresTriggers } from './usage-triggers-postgres.ts';
import { sqliteTriggers } from './usage-triggers-sqlite.ts';

/** What comes after every digest, and after every repository. */
export const everyDigest = '~';
export const everyRepository = Number.MAX_SAFE_INTEGER;

/**
 * Storage is counted by triggers: nothing that changes a link or a manifest can pass them by, not even a node of the
 * version before, and on PostgreSQL they cost no round trip. What is there already is counted in the background.
 */
export const usageMigrations: Migration[] = [
  {
    name: '0040-storage-usage',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      const [inKey, foldedTo] = dialect === 'sqlite' ? [' WITHOUT ROWID', ''] : ['', ', folded_to'];
      const numbers = ['blobs', 'blob_bytes', 'own_bytes', 'manifests', 'manifest_bytes'].map(
        (name) => `${name} ${int} NOT NULL`,
      );
      const of = `registry_id ${int} NOT NULL, repository_id ${int} NOT NULL`;
      await run(db, [
        `CREATE TABLE registry_blobs (digest ${text} NOT NULL, registry_id ${int} NOT NULL, size ${int} NOT NULL,
          links ${int} NOT NULL, repositories ${int} NOT NULL, PRIMARY KEY (digest, registry_id))${inKey}`,
        `CREATE TABLE storage_usage (${of}, folded_to ${int} NOT NULL DEFAULT 0, ${numbers.join(', ')},
          PRIMARY KEY (registry_id, repository_id${foldedTo}))${inKey}`,
        `CREATE TABLE storage_count (what ${text} PRIMARY KEY, repository_id ${int} NOT NULL, digest ${text} NOT NULL)`,
        ...(dialect === 'sqlite'
          ? sqliteTriggers
          : [
              `CREATE TABLE storage_deltas (xid ${int} NOT NULL DEFAULT (pg_current_xact_id()::text::bigint), ${of},
                ${numbers.join(', ')})`,
              // Not of `xid` itself: PostgreSQL would take it for whoever asks for numbers alone, and read all of it.
              'CREATE INDEX storage_deltas_of ON storage_deltas (registry_id, repository_id, (xid + 0))',
              'CREATE INDEX storage_deltas_xid ON storage_deltas (xid)',
              ...postgresTriggers,
            ]),
        // Where there is nothing yet, there is nothing to count later.
        `INSERT INTO storage_count (what, repository_id, digest) SELECT 'links', 0,
          CASE WHEN EXISTS (SELECT 1 FROM blob_links) THEN '' ELSE '${everyDigest}' END`,
        `INSERT INTO storage_count (what, repository_id, digest) SELECT 'manifests',
          CASE WHEN EXISTS (SELECT 1 FROM manifests) THEN 0 ELSE ${everyRepository} END, ''`,
      ]);
    },
  },
];
