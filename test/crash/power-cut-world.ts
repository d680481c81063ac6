import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Catalog, catalogMigrations, ensureRegistry } from '../../src/catalog/index.ts';
import {
  type BlobStore,
  contentMigrations,
  createFileStore,
  createUploads,
  type FileSystem,
  type Uploads,
} from '../../src/content/index.ts';
import { type Database, openDatabase } from '../../src/database/index.ts';
import { eventMigrations } from '../../src/events/index.ts';
import { createPowerCutFileSystem, cutPower, type Disk } from '../support/power-cut-file-system.ts';
import type { Random } from './random.ts';

const migrations = [...eventMigrations, ...contentMigrations, ...catalogMigrations];
const limits = { stallMs: 60_000, minBytesPerSecond: 0, maxBytes: 2 ** 40 };
export const gcDelayMs = 3_600_000;

/** What is on both disks, at one moment: files in the double, and the log of a real SQLite. */
export interface Picture {
  disk: Disk;
  /** Bytes of the log that are durable, and that were written. */
  log: { synced: number; written: number };
}

export interface World extends AsyncDisposable {
  db: Database;
  store: BlobStore;
  catalog: Catalog;
  uploads: Uploads;
  registryId: number;
  /** Uploads as another process has them, which knows facts and files alone. */
  restart(): Uploads;
  /** Lets that much time pass (ms). */
  pass(ms: number): void;
  /** What was written to the log until now: a picture refers to its beginning. */
  log(): Buffer;
}

/** Databases live in memory where that is possible; what is durable is for the double to say. */
export function createWorkshop() {
  const directory = mkdtempSync(join(isDirectory('/dev/shm') ? '/dev/shm' : tmpdir(), 'bonded-cut-'));
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A migrated database without a log, as a server that stopped well leaves it. */
export async function createTemplate(directory: string): Promise<Buffer> {
  const path = join(directory, 'template.db');
  const db = await openDatabase({ kind: 'sqlite', path, migrations });
  await ensureRegistry({ db, now: () => 0, gcDelayMs, sparseIndexes: false }, 'default');
  await db.close();
  return readFileSync(path);
}

/** What a test may break, to see that it would be found. */
export interface Mistake {
  breakFileSystem?: (fs: FileSystem) => FileSystem;
  /** Syncs of the log do nothing. */
  breakLog?: boolean;
}

/** A registry without its edges over the double. `onStep` may take a picture; it is called wherever the power may go. */
export async function openWorld(
  directory: string,
  template: Buffer,
  options: Mistake & { onStep?: (picture: () => Picture, version: string) => void },
): Promise<World> {
  const path = join(directory, 'bonded.db');
  removeDatabase(path);
  writeFileSync(path, template);
  const { onStep = () => {}, breakFileSystem = (fs) => fs, breakLog = false } = options;
  const written = () => statSync(`${path}-wal`).size;
  let synced = 0;
  let ready = false;
  const step = () => {
    if (!ready) return;
    const log = { synced, written: written() };
    onStep(() => ({ disk: fs.disk(), log }), `${fs.version()} ${log.synced} ${log.written}`);
  };
  const fs = createPowerCutFileSystem(step);
  const db = await openDatabase({
    kind: 'sqlite',
    path,
    migrations,
    async sync() {
      // What is written during the call may miss it.
      const covered = written();
      step();
      await Bun.sleep(0);
      if (!breakLog) synced = covered;
      step();
    },
  });
  synced = written();
  ready = true;
  return build(db, await createFileStore('/data', breakFileSystem(fs)), path);
}

/** Starts again on what a power cut at that moment would leave. */
export async function openRemains(
  directory: string,
  template: Buffer,
  log: Buffer,
  picture: Picture,
  random: Random | undefined,
): Promise<World> {
  const path = join(directory, 'cut.db');
  removeDatabase(path);
  writeFileSync(path, template);
  writeFileSync(`${path}-wal`, cutLog(log, picture, random));
  const db = await openDatabase({ kind: 'sqlite', path, migrations, sync: async () => {} });
  const fs = createPowerCutFileSystem(() => {}, cutPower(picture.disk, random));
  return build(db, await createFileStore('/data', fs), path);
}

/** The synced part, and of the rest any length with any sector of it missing. */
function cutLog(log: Buffer, { log: { synced, written } }: Picture, random: Random | undefined): Buffer {
  if (!random) return log.subarray(0, synced);
  const kept = Buffer.from(log.subarray(0, random.chance(0.3) ? written : synced + random.below(written - synced + 1)));
  if (kept.length > synced && random.chance(0.3)) {
    const hole = synced + random.below(kept.length - synced);
    kept.fill(0, hole, Math.min(kept.length, hole + 512));
  }
  return kept;
}

async function build(db: Database, store: BlobStore, path: string): Promise<World> {
  let time = Date.now();
  const catalog: Catalog = { db, now: () => time, gcDelayMs, sparseIndexes: false };
  const restart = () => createUploads(db, store, limits);
  return {
    db,
    store,
    catalog,
    uploads: restart(),
    restart,
    registryId: await ensureRegistry(catalog, 'default'),
    pass: (ms) => void (time += ms),
    log: () => readFileSync(`${path}-wal`),
    [Symbol.asyncDispose]: () => db.close(),
  };
}

function removeDatabase(path: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
}
