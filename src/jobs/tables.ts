import { type Migration, run, sqlTypes } from '../database/index.ts';

declare module '../database/tables.ts' {
  interface Tables {
    /** Processes that work on these facts together. Only on PostgreSQL: on SQLite they know each other by other means. */
    nodes: {
      /** Never used twice, so that what bears the number of a node which was forgotten is nobody's. */
      id: number;
      /** For people: the machine and the process. */
      name: string;
      started_at: number;
      /** Time of the last heartbeat, by the clock of the database (ms). */
      seen_at: number;
    };
    /** Work that one node does for all. */
    leases: {
      name: string;
      /** The node that has it; one that is silent or not there has lost it. */
      holder: number;
      taken_at: number;
    };
  }
}

export const jobMigrations: Migration[] = [
  {
    name: '0006-nodes',
    async up(db, dialect) {
      const { autoId, int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE nodes (id ${autoId}, name ${text} NOT NULL, started_at ${int} NOT NULL, seen_at ${int} NOT NULL)`,
        `CREATE TABLE leases (name ${text} PRIMARY KEY, holder ${int} NOT NULL, taken_at ${int} NOT NULL)`,
      ]);
    },
  },
];
