import { type Migration, openDatabase, parentWriteToken, run, sqlTypes } from '../../src/database/index.ts';
import { waitedForProcessor } from './processor.ts';

/*
 * A process that writes to a shared SQLite file with the token of its parent, until it is told to stop. Started with
 * the path and JSON settings; says `ready`, waits for `go`, and answers `stop` with what it did.
 */

declare module '../../src/database/tables.ts' {
  interface Tables {
    written: { process: number; n: number; padding: string };
  }
}

export const writerMigrations: Migration[] = [
  {
    name: '0001-written',
    async up(db, dialect) {
      const { int, text } = sqlTypes(dialect);
      await run(db, [
        `CREATE TABLE written (process ${int} NOT NULL, n ${int} NOT NULL, padding ${text} NOT NULL,
          PRIMARY KEY (process, n))`,
      ]);
    },
  },
];

export interface WriterSettings {
  process: number;
  /** Writes that are under way at once. */
  concurrency: number;
  syncDelayMs: number;
}

export interface WriterReport {
  acknowledged: number;
  /**
   * Lateness of a timer (ms), without the time for which the system gave the processor to others: for so long the event
   * loop did something else, or waited for a lock or a disk.
   */
  lagP99: number;
  lagMax: number;
}

async function main(path: string, settings: WriterSettings): Promise<void> {
  const { process: self, concurrency, syncDelayMs } = settings;
  const migrations = writerMigrations;
  const db = await openDatabase({ kind: 'sqlite', path, migrations, writeToken: parentWriteToken, syncDelayMs });
  const say = (message: unknown) => void process.send?.({ writer: message });
  let stopped = false;
  let next = 0;
  let acknowledged = 0;
  const lags: number[] = [];

  function watchLag(): void {
    const due = performance.now() + 1;
    const waited = waitedForProcessor();
    setTimeout(() => {
      lags.push(Math.max(0, performance.now() - due - (waitedForProcessor() - waited)));
      if (!stopped) watchLag();
    }, 1);
  }
  async function writeOn(): Promise<void> {
    while (!stopped) {
      const row = { process: self, n: next++, padding: 'x'.repeat(100) };
      await db.write((tx) => tx.insertInto('written').values(row).execute());
      acknowledged++;
    }
  }

  let writing: Promise<unknown>;
  process.on('message', (message) => {
    if (message === 'go') {
      watchLag();
      writing = Promise.all(Array.from({ length: concurrency }, writeOn));
    }
    if (message === 'progress') say(acknowledged);
    if (message === 'stop') {
      stopped = true;
      void writing.then(() => {
        const sorted = lags.toSorted((a, b) => a - b);
        const lagP99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
        say({ acknowledged, lagP99, lagMax: sorted.at(-1) ?? 0 } satisfies WriterReport);
        return db.close().then(() => process.disconnect?.());
      });
    }
  });
  say('ready');
}

if (import.meta.main) await main(process.argv[2]!, JSON.parse(process.argv[3]!) as WriterSettings);
