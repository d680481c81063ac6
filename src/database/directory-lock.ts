import { Database as Sqlite } from 'bun:sqlite';
import { join } from 'node:path';

/*
 * A directory belongs to one process, or to one with its workers, by the file `lock` in it. The kernel gives the locks
 * back when a process ends, however it ends. SQLite is used because it locks files portably; its three locks are what
 * is needed:
 *
 *   alone      exclusive   nobody else has any lock
 *   parent     reserved    only one, beside any number of
 *   worker     shared
 *
 * A worker outlives a parent that was killed for a moment. Until it has ended, nobody else gets the directory.
 */

/** How long the workers of a parent that was killed may take to notice it (ms): as long as their event loop is busy. */
const orphansMs = 10_000;

/**
 * Takes a directory for this process alone, or for this one and its `workers`; undefined when others have it. Resolves
 * with what gives it back.
 */
export async function lockDirectory(directory: string, workers = false): Promise<(() => void) | undefined> {
  const db = openLock(directory);
  try {
    for (const until = performance.now() + orphansMs; ;) {
      if (attempt(db, 'BEGIN EXCLUSIVE')) {
        if (!workers) return () => db.close();
        // There is no other way down; whoever comes in between has it.
        db.run('ROLLBACK');
        if (attempt(db, 'BEGIN IMMEDIATE')) return () => db.close();
        break;
      }
      if (!attempt(db, 'BEGIN IMMEDIATE') || performance.now() > until) break;
      db.run('ROLLBACK');
      await Bun.sleep(20);
    }
  } catch (error) {
    db.close();
    throw error;
  }
  db.close();
  return undefined;
}

/** Shares the directory of a parent process; returns what ends that. */
export function joinDirectory(directory: string): () => void {
  const db = openLock(directory);
  try {
    db.run('BEGIN');
    db.query('SELECT count(*) FROM sqlite_master').get();
    return () => db.close();
  } catch (error) {
    db.close();
    throw error;
  }
}

function openLock(directory: string): Sqlite {
  const db = new Sqlite(join(directory, 'lock'), { create: true, readwrite: true });
  db.run('PRAGMA busy_timeout=0');
  return db;
}

/** False when others have a lock that does not go with this one. */
function attempt(db: Sqlite, begin: string): boolean {
  try {
    db.run(begin);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return false;
    throw error;
  }
}
