import { Database as Sqlite } from 'bun:sqlite';
import { join } from 'node:path';

/**
 * Takes a directory for this process alone, by the file `lock` in it; undefined when another process has it. The
 * kernel gives the lock back when the process ends, however it ends. SQLite is used because it locks files portably.
 */
export function lockDirectory(directory: string): (() => void) | undefined {
  const db = new Sqlite(join(directory, 'lock'), { create: true, readwrite: true });
  try {
    db.run('PRAGMA busy_timeout=0');
    db.run('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return undefined;
    throw error;
  }
  return () => db.close();
}
