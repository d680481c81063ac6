import type { Migration } from './database.ts';
import { run } from './dialect.ts';

/**
 * A migration that replaces indexes, given as name → 'table (columns)'. On PostgreSQL the new one is built while
 * everybody reads with the old one; on SQLite nobody else is there.
 */
export function replaceIndexes(indexes: Record<string, string>): Required<Pick<Migration, 'up' | 'exclusive'>> {
  const wanted = Object.entries(indexes);
  return {
    async up(db, dialect) {
      if (dialect === 'sqlite') return;
      await run(
        db,
        wanted.map(([name, on]) => `CREATE INDEX ${name}_next ON ${on}`),
      );
    },
    exclusive: {
      tables: wanted.map(([, on]) => on.split(' ', 1)[0]!),
      async up(db, dialect) {
        for (const [name, on] of wanted) {
          const named =
            dialect === 'sqlite' ? `CREATE INDEX ${name} ON ${on}` : `ALTER INDEX ${name}_next RENAME TO ${name}`;
          await run(db, [`DROP INDEX ${name}`, named]);
        }
      },
    },
  };
}
