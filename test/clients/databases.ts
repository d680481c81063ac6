import { findPostgres, startPostgres } from '../support/postgres.ts';

export const databaseNames = ['SQLite', 'PostgreSQL'] as const;
export type DatabaseName = (typeof databaseNames)[number];

/** Whether what cannot run here counts as failed. */
export const mayNotSkip = process.env['CI'] === 'true' || process.env['BONDED_NO_SKIP'] === '1';

/**
 * Runs an action on one database after the other. Servers that `test/support` starts meanwhile use that database: on
 * PostgreSQL in the cluster that BONDED_TEST_POSTGRES names, else in one that lives as long as the action.
 */
export async function onEachDatabase(
  wanted: readonly DatabaseName[],
  action: (name: DatabaseName) => Promise<void>,
  missing: (reason: string) => void,
): Promise<void> {
  const given = process.env['BONDED_TEST_POSTGRES'];
  try {
    if (wanted.includes('SQLite')) {
      delete process.env['BONDED_TEST_POSTGRES'];
      await action('SQLite');
    }
    if (!wanted.includes('PostgreSQL')) return;
    if (given === undefined && !findPostgres()) {
      missing('PostgreSQL is not installed');
      return;
    }
    const own = given === undefined ? await startPostgres({ durable: false }) : undefined;
    try {
      process.env['BONDED_TEST_POSTGRES'] = given ?? own!.url;
      await action('PostgreSQL');
    } finally {
      await own?.stop();
    }
  } finally {
    if (given === undefined) delete process.env['BONDED_TEST_POSTGRES'];
    else process.env['BONDED_TEST_POSTGRES'] = given;
  }
}

/** The value of a `--database` flag; all of them where there is none. */
export function chooseDatabases(flag: string | undefined): readonly DatabaseName[] {
  if (flag === undefined) return databaseNames;
  const found = databaseNames.find((name) => name.toLowerCase() === flag.toLowerCase());
  if (!found) throw new Error(`--database is one of ${databaseNames.join(', ').toLowerCase()}`);
  return [found];
}
