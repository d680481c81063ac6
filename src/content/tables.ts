import type { ColumnType, Generated } from 'kysely';
import { type Migration, run, sqlTypes } from '../database/index.ts';

declare module '../database/tables.ts' {
  interface Tables {
    /** One row a stored object. Storage is shared by all registries; visibility is the catalog's. */
    blobs: {
      id: Generated<number>;
      digest: string;
      size: number;
      key: string;
      /** 0 live, 1 being deleted: its bytes may already be gone, and a new push makes a new row. */
      deleting: ColumnType<number, number | undefined, number>;
      created_at: number;
    };
    uploads: {
      id: string;
      registry_id: number;
      /** Name of the repository that the session belongs to; the repository itself need not exist before the commit. */
      repository: string;
      creator: string;
      /** Bytes that are durable. */
      offset: number;
      algorithm: string;
      /** Digest of the bytes up to offset, so that a closing PUT without a body need not read them back. */
      digest: string | null;
      /** The digest under which its bytes are being published, or may have been: where to look for them after a crash. */
      closing: string | null;
      /** 1 when its last chunk broke off: its client may not know how far it came. */
      broke_off: number;
      /** Names what the store has staged up to offset (see `Staging.mark`). */
      mark: string | null;
      /** The node that writes to it (see jobs); null where nobody does, or where the nodes know each other otherwise. */
      holder: number | null;
      /** When it began, or last began anew at 0 (ms): later each time, so that it names the bytes before an offset. */
      started_at: number;
      active_at: number;
    };
    /** One row: which store holds the bytes of these facts. */
    content_store: {
      /** Always 1, so that there is no second row. */
      one: number;
      id: string;
      /** When the store was given that id (ms); 0 while it is about to be. */
      bound_at: number;
    };
  }
}

export const contentMigrations: Migration[] = [
  {
    name: '0003-content',
    async up(db, dialect) {
      const { autoId, int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE blobs (id ${autoId}, digest ${text} NOT NULL, size ${int} NOT NULL, key ${text} NOT NULL,
          deleting ${int} NOT NULL DEFAULT 0, created_at ${int} NOT NULL)`,
        `CREATE UNIQUE INDEX blobs_live ON blobs (digest) WHERE deleting = 0`,
        `CREATE INDEX blobs_deleting ON blobs (id) WHERE deleting = 1`,
        `CREATE UNIQUE INDEX blobs_key ON blobs (key)`,
        `CREATE TABLE uploads (id ${text} PRIMARY KEY, registry_id ${int} NOT NULL, repository ${text} NOT NULL,
          creator ${text} NOT NULL, "offset" ${int} NOT NULL, algorithm ${text} NOT NULL, digest ${text}, closing ${text},
          broke_off ${int} NOT NULL,
          started_at ${int} NOT NULL, active_at ${int} NOT NULL)`,
        `CREATE INDEX uploads_active ON uploads (active_at, id)`,
      ]);
    },
  },
  {
    name: '0005-content-store',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE content_store (one ${int} PRIMARY KEY, id ${text} NOT NULL, bound_at ${int} NOT NULL)`,
      ]);
    },
  },
  {
    name: '0007-upload-holder',
    async up(db, dialect) {
      await run(db, [`ALTER TABLE uploads ADD COLUMN holder ${sqlTypes(dialect).int}`]);
    },
  },
  {
    name: '0009-upload-mark',
    async up(db, dialect) {
      await run(db, [`ALTER TABLE uploads ADD COLUMN mark ${sqlTypes(dialect).text}`]);
    },
  },
];
