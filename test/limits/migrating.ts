/* For full-disk.test.ts: opens a database with the tables of an old version or of a new one, and says what is in it. */
import { sql } from 'kysely';
import { type Migration, openDatabase, run } from '../../src/database/index.ts';
import { sample, sampleMigrations } from '../support/samples.ts';

/** What it writes. */
export type Migrated = { kept: string; added?: number } | { failed: string };

const write = (migrated: Migrated) => console.log(JSON.stringify(migrated));

const [path, version] = process.argv.slice(2);

/** Five rows of a megabyte. */
const addition: Migration = {
  name: '9999-addition',
  async up(db) {
    await run(db, ['CREATE TABLE additions (id INTEGER PRIMARY KEY, bytes BLOB)']);
    for (let at = 0; at < 5; at++) await sql`INSERT INTO additions (bytes) VALUES (zeroblob(1000000))`.execute(db);
  },
};

try {
  const migrations = version === 'new' ? [...sampleMigrations, addition] : sampleMigrations;
  const db = await openDatabase({ kind: 'sqlite', path: path!, migrations });
  let kept = await db.first<{ name: string }>('SELECT name FROM samples', []);
  if (!kept) await db.write((tx) => tx.insertInto('samples').values(sample('sample')).execute());
  kept = await db.first<{ name: string }>('SELECT name FROM samples', []);
  const added =
    version === 'new' ? await db.first<{ n: number }>('SELECT count(*) AS n FROM additions', []) : undefined;
  await db.close();
  write({ kept: kept!.name, ...(added && { added: added.n }) });
} catch (error) {
  write({ failed: (error as Error).message });
}
