import { type Migration, run, sqlTypes } from '../database/index.ts';

export type OperationStatus = 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled';

declare module '../database/tables.ts' {
  interface Tables {
    /** What takes longer than a request. */
    operations: {
      id: string;
      /** Lower-cased id of the resource that it concerns. */
      resource: string;
      status: OperationStatus;
      error_code: string | null;
      error_message: string | null;
      /** JSON: what an action returned. */
      result: string | null;
      started_at: number;
      ended_at: number | null;
      /** Who began it, for people to read. */
      principal: string;
      /** JSON: what whoever carries it out works with; null once it has ended. */
      work: string | null;
      /** What must not be read in the facts, sealed; null once it has ended. */
      sealed: string | null;
      /** JSON: how far it has come. */
      progress: string | null;
      /** The node that carries it out; null where nobody does, or nodes are not what tells processes apart. */
      holder: number | null;
      /** How often it was begun. */
      attempts: number;
    };
  }
}

export const operationMigrations: Migration[] = [
  {
    name: '0016-operations',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE operations (id ${text} PRIMARY KEY, resource ${text} NOT NULL, status ${text} NOT NULL,
          error_code ${text}, error_message ${text}, result ${text}, started_at ${int} NOT NULL, ended_at ${int},
          principal ${text} NOT NULL)`,
        'CREATE INDEX operations_age ON operations (started_at, id)',
        `CREATE INDEX operations_open ON operations (started_at, id) WHERE status = 'InProgress'`,
      ]);
    },
  },
  {
    name: '0055-operation-work',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `ALTER TABLE operations ADD COLUMN work ${text}`,
        `ALTER TABLE operations ADD COLUMN sealed ${text}`,
        `ALTER TABLE operations ADD COLUMN progress ${text}`,
        `ALTER TABLE operations ADD COLUMN holder ${int}`,
        `ALTER TABLE operations ADD COLUMN attempts ${int} NOT NULL DEFAULT 0`,
      ]);
    },
  },
];
