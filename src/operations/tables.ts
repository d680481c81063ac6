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
];
