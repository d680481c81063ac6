import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { App } from '../../src/app.ts';

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
  const { db } = app.storage;
  const counts: Record<string, number> = {};
  for (const table of tables) {
    counts[table] = Number((await db.first<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`, []))!.n);
  }
  counts['staging'] = (await readdir(join(data, 'uploads'))).length;
  const stored = await readdir(join(data, 'blobs'), { recursive: true, withFileTypes: true });
  counts['files'] = stored.filter((entry) => entry.isFile()).length;
  return counts as Facts;
}

export const nothing: Facts = Object.fromEntries([...tables, 'staging', 'files'].map((key) => [key, 0])) as Facts;
