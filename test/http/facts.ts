import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { App } from '../../src/app/index.ts';
import { type BlobStore, sweepDeleted } from '../../src/content/index.ts';
import { storesInS3 } from '../support/storage.ts';

const tables = [
  'repositories',
  'manifests',
  'manifest_references',
  'tags',
  'tag_history',
  'blob_links',
  'gc_candidates',
  'blobs',
  'uploads',
  'events',
] as const;

export type Facts = Record<(typeof tables)[number] | 'staging' | 'files', number>;

/** How many rows and files a registry holds: what a refused request must not change. */
export async function countFacts(app: App, data: string): Promise<Facts> {
  const { db, blobs } = app.storage;
  // Copies of what was there already wait for the background to remove them; whether it has come yet is no matter.
  while ((await sweepDeleted(db, blobs)).blobs > 0);
  const counts: Record<string, number> = {};
  for (const table of tables) {
    // What the server has made at its start is no request's.
    const those = table === 'events' ? `${table} WHERE type NOT LIKE 'resource.%'` : table;
    counts[table] = (await db.first<{ n: number }>(`SELECT COUNT(*) AS n FROM ${those}`, []))!.n;
  }
  return { ...counts, ...(storesInS3 ? await countObjects(blobs) : await countInFolders(data)) } as Facts;
}

/**
 * What the state of an upload says is in an object by now does not count twice; and what is empty says of a session that
 * was cancelled after a PUT was refused only that the sweep is to look again.
 */
async function countObjects(blobs: BlobStore): Promise<Pick<Facts, 'staging' | 'files'>> {
  const published = new Set((await Array.fromAsync(blobs.objects())).map(({ upload }) => upload));
  const staged = (await Array.fromAsync(blobs.uploads())).filter(
    ({ upload, size }) => size > 0 && !published.has(upload),
  );
  return { staging: staged.length, files: published.size };
}

async function countInFolders(data: string): Promise<Pick<Facts, 'staging' | 'files'>> {
  const staging = await countFiles(join(data, 'uploads'));
  // The store's own name lies beside its objects.
  return { staging, files: (await countFiles(join(data, 'blobs'))) - 1 };
}

async function countFiles(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

export const nothing: Facts = Object.fromEntries([...tables, 'staging', 'files'].map((key) => [key, 0])) as Facts;
