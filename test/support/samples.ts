import type { Generated } from 'kysely';
import { type Migration, run, sqlTypes } from '../../src/database/index.ts';

declare module '../../src/database/tables.ts' {
  interface Tables {
    /** A table of the tests of the database itself. */
    samples: {
      id: Generated<number>;
      name: string;
      size: number;
      /** 0 or 1. */
      flag: number;
      data: string | null;
      content: Uint8Array | null;
    };
    /** Rows whose sample must exist when the transaction is committed. */
    sample_parts: { sample_id: number };
  }
}

export const sampleMigrations: Migration[] = [
  {
    name: '0001-samples',
    async up(db, dialect) {
      const { autoId, int, text, bytes } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE samples (id ${autoId}, name ${text} NOT NULL UNIQUE, size ${int} NOT NULL DEFAULT 0,
          flag ${int} NOT NULL DEFAULT 0, data ${text}, content ${bytes})`,
        `CREATE TABLE sample_parts (
          sample_id ${int} NOT NULL REFERENCES samples (id) DEFERRABLE INITIALLY DEFERRED)`,
      ]);
    },
  },
];

export const sample = (name: string, size = 0) => ({ name, size, flag: 0, data: null, content: null });
