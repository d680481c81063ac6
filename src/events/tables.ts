import type { Generated } from 'kysely';
import { type Migration, run, sqlTypes } from '../database/index.ts';

declare module '../database/tables.ts' {
  interface Tables {
    /** What happened, in the transaction in which it happened. */
    events: {
      id: Generated<number>;
      /**
       * The transaction's number on PostgreSQL, where ids are not commit-ordered; 0 on SQLite, where they are, and of what
       * was restored from a dump of another server (renumber.ts).
       */
      xid: Generated<number>;
      registry_id: number;
      type: string;
      /** JSON. */
      data: string;
      at: number;
    };
    /** How far each subscriber has come. */
    event_cursors: { subscriber: string; xid: number; id: number };
  }
}

export const eventMigrations: Migration[] = [
  {
    name: '0002-events',
    async up(db, dialect) {
      const { autoId, int, text } = sqlTypes(dialect);
      const xid = dialect === 'postgres' ? 'pg_current_xact_id()::text::bigint' : '0';
      await run(db, [
        `CREATE TABLE events (id ${autoId}, xid ${int} NOT NULL DEFAULT (${xid}), registry_id ${int} NOT NULL,
          type ${text} NOT NULL, data ${text} NOT NULL, at ${int} NOT NULL)`,
        `CREATE INDEX events_order ON events (xid, id)`,
        `CREATE TABLE event_cursors (subscriber ${text} PRIMARY KEY, xid ${int} NOT NULL, id ${int} NOT NULL)`,
      ]);
    },
  },
];
