import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Catalog,
  catalogMigrations,
  commitBlob,
  ensureRegistry,
  findLinkedBlob,
  findManifest,
  mountBlob,
  putManifest,
} from '../../src/catalog/index.ts';
import {
  contentMigrations,
  createFileStore,
  createUploads,
  type FileSystem,
  sweepDeleted,
} from '../../src/content/index.ts';
import { type Database, openDatabase } from '../../src/database/index.ts';
import { eventMigrations } from '../../src/events/index.ts';
import { type Digest, digestOf, mediaTypes, parseManifest } from '../../src/oci/index.ts';
import { createPowerCutFileSystem, type Disk, type PowerCutFileSystem } from '../support/power-cut-file-system.ts';

const migrations = [...eventMigrations, ...contentMigrations, ...catalogMigrations];
const limits = { stallMs: 60_000, minBytesPerSecond: 0, maxBytes: 2 ** 40 };
const data = '/data';

/** What a client was told. After a power cut all of it must still be so. */
interface Promises {
  blobs: Map<Digest, Buffer>;
  manifests: Map<string, Digest>;
  /** Bytes that a session has for sure; a session that is being closed or begun anew promises nothing. */
  sessions: Map<string, Buffer>;
}

/** What a power cut at one moment would leave, and what had been promised by then. */
export interface Moment {
  disk: Disk;
  facts: { db: Buffer; wal: Buffer };
  promised: Promises;
}

/** A registry's storage over the double, in which every step is a moment at which the power may go. */
export async function openRig(
  directory: string,
  options: { random: () => number; onMoment: (moment: Moment) => void; breakFileSystem?: (fs: FileSystem) => FileSystem },
) {
  const { random, onMoment } = options;
  const promised: Promises = { blobs: new Map(), manifests: new Map(), sessions: new Map() };
  const path = join(directory, 'bonded.db');
  let synced: Moment['facts'] | undefined;
  let recording = false;

  const moment = () => {
    if (!recording) return;
    // The kernel may have written more than it had to, or nothing of it.
    const mode = random();
    const kept = mode < 0.5 ? () => false : () => random() < mode;
    onMoment({
      disk: fs.cut(kept),
      facts: mode > 0.8 ? readFacts(path) : synced!,
      promised: { blobs: new Map(promised.blobs), manifests: new Map(promised.manifests), sessions: new Map(promised.sessions) },
    });
  };
  const fs: PowerCutFileSystem = createPowerCutFileSystem(moment);
  const db = await openDatabase({
    kind: 'sqlite',
    path,
    migrations,
    async sync() {
      // What was in the log when the sync began is durable when it ends.
      const facts = readFacts(path);
      await Bun.sleep(0);
      synced = facts;
      moment();
    },
  });
  const store = await createFileStore(data, options.breakFileSystem?.(fs) ?? fs);
  const catalog = catalogOver(db);
  const registryId = await ensureRegistry(catalog, 'default');
  recording = true;
  return { db, store, catalog, registryId, uploads: createUploads(db, store, limits), promised, fs };
}

export type Rig = Awaited<ReturnType<typeof openRig>>;

function catalogOver(db: Database): Catalog {
  return { db, now: Date.now, gcDelayMs: 3_600_000, sparseIndexes: false };
}

function readFacts(path: string): Moment['facts'] {
  const wal = `${path}-wal`;
  return { db: readFileSync(path), wal: existsSync(wal) ? readFileSync(wal) : Buffer.alloc(0) };
}

/** One client: pushes blobs in every way and a manifest over them, and writes down what it was told. */
export async function runClient(rig: Rig, name: string, random: () => number): Promise<void> {
  const { uploads, catalog, registryId, promised } = rig;
  const owner = { registryId, repository: name, creator: 'test' };
  const link = (tx: Parameters<typeof commitBlob>[1], blob: Parameters<typeof commitBlob>[4]) =>
    commitBlob(catalog, tx, registryId, name, blob);
  const body = (bytes: Buffer) => ({ stream: new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(), length: bytes.length });
  const pushed: Buffer[] = [];
  for (let at = 0; at < 3; at++) {
    // Few distinct contents, so that clients meet each other's.
    const bytes = Buffer.from(`content ${Math.floor(random() * 6)} `.repeat(20));
    const digest = digestOf(bytes);
    const style = Math.floor(random() * 4);
    if (style === 0) await uploads.put(owner, body(bytes), digest, link);
    else if (style === 1 && (await mountBlob(catalog, registryId, name, digest, undefined))) {
      // Mounted.
    } else {
      const id = await uploads.open(owner, 'sha256');
      const half = Math.floor(bytes.length / 2);
      if (style === 3) {
        // A first attempt of other bytes, begun anew at 0.
        await uploads.append(await uploads.find(id, owner), body(Buffer.from('something else')), undefined);
        promised.sessions.set(id, Buffer.from('something else'));
        promised.sessions.delete(id);
      }
      await uploads.append(await uploads.find(id, owner), body(bytes.subarray(0, half)), 0);
      promised.sessions.set(id, bytes.subarray(0, half));
      await uploads.append(await uploads.find(id, owner), body(bytes.subarray(half)), half);
      promised.sessions.set(id, bytes);
      promised.sessions.delete(id);
      await uploads.close(await uploads.find(id, owner), undefined, digest, link);
    }
    promised.blobs.set(`${name} ${digest}` as Digest, bytes);
    pushed.push(bytes);
    if (random() < 0.3) await sweepDeleted(rig.db, rig.store);
  }
  const [config, ...layers] = pushed.map((bytes) => ({
    mediaType: mediaTypes.ociConfig,
    digest: digestOf(bytes),
    size: bytes.length,
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }));
  const digest = digestOf(bytes);
  await putManifest(catalog, registryId, name, {
    digest,
    bytes,
    parsed: parseManifest(bytes, mediaTypes.ociManifest),
    tags: ['latest'],
  });
  promised.manifests.set(name, digest);
}

/** Starts on what the cut left, and says everything that was promised and is not so. */
export async function brokenPromises(directory: string, { disk, facts, promised }: Moment): Promise<string[]> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const path = join(directory, 'bonded.db');
  writeFileSync(path, facts.db);
  if (facts.wal.length > 0) writeFileSync(`${path}-wal`, facts.wal);
  const db = await openDatabase({ kind: 'sqlite', path, migrations, sync: async () => {} });
  try {
    const fs = createPowerCutFileSystem(() => {}, disk);
    const catalog = catalogOver(db);
    const registryId = await ensureRegistry(catalog, 'default');
    const broken: string[] = [];
    for (const [where, bytes] of promised.blobs) {
      const [name, digest] = where.split(' ') as [string, Digest];
      const found = await findLinkedBlob(catalog, registryId, name, digest);
      if (!found) broken.push(`blob ${where}: no fact`);
      else if (!fs.content(`${data}/blobs/${found.key}`)?.equals(bytes)) broken.push(`blob ${where}: bytes lost`);
    }
    for (const [name, digest] of promised.manifests) {
      const found = await findManifest(catalog, registryId, name, { tag: 'latest' });
      if (found?.digest !== digest) broken.push(`manifest of ${name}: lost`);
    }
    for (const [id, bytes] of promised.sessions) {
      const row = await db.first<{ offset: number }>('SELECT "offset" FROM uploads WHERE id = ?', [id]);
      const staged = fs.content(`${data}/uploads/${id}`)?.subarray(0, row?.offset ?? 0);
      if (!row || row.offset < bytes.length) broken.push(`session ${id}: offset lost`);
      else if (!staged?.subarray(0, bytes.length).equals(bytes)) broken.push(`session ${id}: bytes lost`);
    }
    // Whatever was promised or not: no fact without its bytes.
    for (const { key, size } of await db.all<{ key: string; size: number }>('SELECT key, size FROM blobs WHERE deleting = 0', [])) {
      if (fs.content(`${data}/blobs/${key}`)?.length !== size) broken.push(`row of ${key}: a fact without bytes`);
    }
    return broken;
  } finally {
    await db.close();
  }
}

