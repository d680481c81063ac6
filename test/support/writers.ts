import { Database as Sqlite } from 'bun:sqlite';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grantWriteToken } from '../../src/database/index.ts';
import type { WriterReport, WriterSettings } from './database-writer.ts';

type Receive = ReturnType<typeof grantWriteToken>;

export interface Writer {
  child: Bun.Subprocess;
  /** The next thing that it says. */
  hear<T>(): Promise<T>;
}

const program = join(import.meta.dir, 'database-writer.ts');

/** A directory for one SQLite file, and the processes that write to it. They are killed and it is removed in the end. */
export async function openWriters() {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-writers-'));
  const path = join(directory, 'bonded.db');
  const children: Bun.Subprocess[] = [];

  function start(receive: Receive, command: string[], stdout: 'inherit' | 'pipe' = 'inherit'): Writer {
    const heard: unknown[] = [];
    let wake = () => {};
    const child = Bun.spawn([process.execPath, ...command], {
      stdio: ['ignore', stdout, 'inherit'],
      ipc(message, from) {
        if (receive(message, from)) return;
        heard.push((message as { writer: unknown }).writer);
        wake();
      },
    });
    children.push(child);
    return {
      child,
      async hear<T>() {
        while (heard.length === 0) {
          const ended = child.exited.then((code) => Promise.reject(new Error(`the writer ended with ${code}`)));
          await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
        }
        return heard.shift() as T;
      },
    };
  }

  return {
    path,
    start,

    /** Starts processes that write until they are stopped. */
    async startAll(
      count: number,
      settings: Omit<WriterSettings, 'process'>,
      receive: Receive = grantWriteToken(),
    ): Promise<Writer[]> {
      const writers = Array.from({ length: count }, (_, index) =>
        start(receive, [program, path, JSON.stringify({ process: index, ...settings })]),
      );
      for (const writer of writers) await writer.hear();
      for (const { child } of writers) child.send('go');
      return writers;
    },

    /** Ends processes in good order; resolves with what each of them did. */
    async stop(writers: Writer[]): Promise<WriterReport[]> {
      for (const { child } of writers) child.send('stop');
      const reports = await Promise.all(writers.map((writer) => writer.hear<WriterReport>()));
      await Promise.all(writers.map(({ child }) => child.exited));
      return reports;
    },

    /** Rows in the file. */
    rows(where = '1 = 1'): number {
      const db = new Sqlite(path, { readonly: true });
      try {
        return (db.query(`SELECT count(*) AS n FROM written WHERE ${where}`).get() as { n: number }).n;
      } finally {
        db.close();
      }
    },

    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(children.map((child) => child.exited));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A process that speaks the protocol of the write token by hand. */
export const byHand = (body: string) => [
  '-e',
  `const say = (what) => process.send({ writer: what });
   const want = (turn) => process.send({ writeToken: 'want', turn });
   const release = (turn) => process.send({ writeToken: 'release', turn });
   process.on('message', (message) => on(message));
   ${body}`,
];

export const acknowledged = (reports: WriterReport[]) => reports.reduce((sum, report) => sum + report.acknowledged, 0);
