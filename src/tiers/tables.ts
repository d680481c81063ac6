import { type Migration, run, sqlTypes } from '../database/index.ts';

declare module '../database/tables.ts' {
  interface Tables {
    /** What is left of a rate, for all processes; each takes slices of it. One that is full again may be forgotten. */
    rate_buckets: {
      registry_id: number;
      /** What it is a rate of, such as `dataplaneRead`. */
      name: string;
      /** Whose: an identity; empty for the registry as a whole. */
      subject: string;
      /** JSON, see `BucketState`: the row is locked to change any of it, and read for all of it. */
      state: string;
      /** From when on it says nothing any more (ms). Rounded, so that it seldom changes. */
      forget_at: number;
    };
    /** Who was refused for a rate, by day. */
    throttled_callers: {
      registry_id: number;
      /** Days since 1970. */
      day: number;
      identity: string;
      category: string;
      /** `registry` or `identity`: whose rate it was. */
      level: string;
      refusals: number;
      /** When it was last refused (ms). */
      last_at: number;
    };
  }
}

export const tierMigrations: Migration[] = [
  {
    name: '0045-rate-buckets',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE rate_buckets (registry_id ${int} NOT NULL, name ${text} NOT NULL, subject ${text} NOT NULL,
          state ${text} NOT NULL, forget_at ${int} NOT NULL, PRIMARY KEY (registry_id, name, subject))`,
        'CREATE INDEX rate_buckets_forget ON rate_buckets (forget_at)',
        `CREATE TABLE throttled_callers (registry_id ${int} NOT NULL, day ${int} NOT NULL, identity ${text} NOT NULL,
          category ${text} NOT NULL, level ${text} NOT NULL, refusals ${int} NOT NULL, last_at ${int} NOT NULL,
          PRIMARY KEY (day, registry_id, identity, category, level))`,
      ]);
    },
  },
];
