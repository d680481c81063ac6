import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DatabaseOptions, openDatabase } from '../../src/database/index.ts';
import { sampleMigrations } from './samples.ts';

type SqliteOptions = Extract<DatabaseOptions, { kind: 'sqlite' }>;

/** An SQLite database of samples, whatever the environment says. `letGo` is called before it is closed. */
export async function openSample(options: Partial<SqliteOptions> & { letGo?: () => void } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-queue-'));
  const path = join(directory, 'bonded.db');
  const db = await openDatabase({ kind: 'sqlite', path, migrations: sampleMigrations, ...options });
  return {
    db,
    path,
    async [Symbol.asyncDispose]() {
      options.letGo?.();
      await db.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A disk whose syncs end when the test says so. */
export function heldSyncs() {
  const held: { done(): void; fail(error: Error): void }[] = [];
  let holding = true;
  return {
    held,
    async sync(datasync: () => Promise<void>) {
      if (holding) await new Promise<void>((done, fail) => held.push({ done, fail }));
      await datasync();
    },
    letGo() {
      holding = false;
      for (const { done } of held) done();
    },
  };
}

/** Whether a promise that nothing brings to its end is still open after a moment. */
export const isWaiting = (promise: Promise<unknown>) =>
  Promise.race([
    promise.then(
      () => false,
      () => false,
    ),
    Bun.sleep(20).then(() => true),
  ]);
