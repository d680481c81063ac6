import { Database } from 'bun:sqlite';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const repository = 'bench/garbage';

/** Only so many have bytes, those that are collected first: making files takes longer than all else. */
const mostFiles = 5000;

/**
 * Puts blobs that nothing references, and whose time has come, into the data directory of a server that is stopped. A
 * client would need an hour for as many as a registry collects after a day.
 */
export async function addGarbage(data: string, count: number): Promise<void> {
  const db = new Database(join(data, 'bonded.db'), { readwrite: true });
  try {
    db.run('PRAGMA busy_timeout=5000');
    const { id: registry } = db.query('SELECT id FROM registries ORDER BY id LIMIT 1').get() as { id: number };
    db.run('INSERT INTO repositories (registry_id, name, created_at) VALUES (?, ?, 0) ON CONFLICT DO NOTHING', [
      registry,
      repository,
    ]);
    const { id } = db.query('SELECT id FROM repositories WHERE name = ?').get(repository) as { id: number };
    const blob = db.prepare('INSERT INTO blobs (digest, size, key, created_at) VALUES (?, ?, ?, 0)');
    const link = db.prepare(`INSERT INTO blob_links (registry_id, repository_id, digest, "key", size, created_at)
      VALUES (?, ?, ?, ?, ?, 0)`);
    const candidate = db.prepare(`INSERT INTO gc_candidates (registry_id, repository_id, kind, digest, not_before)
      VALUES (?, ?, 'link', ?, 0)`);
    const made: { hex: string; path: string; bytes: Uint8Array }[] = [];
    db.transaction(() => {
      for (let n = 0; n < count; n++) {
        const bytes = randomBytes(64);
        const hex = createHash('sha256').update(bytes).digest('hex');
        const key = `sha256/${hex.slice(0, 2)}/${hex}-${randomBytes(16).toString('hex')}`;
        blob.run(`sha256:${hex}`, bytes.length, key);
        link.run(registry, id, `sha256:${hex}`, key, bytes.length);
        candidate.run(registry, id, `sha256:${hex}`);
        made.push({ hex, path: join(data, 'blobs', key), bytes });
      }
    })();
    const first = made.toSorted((a, b) => (a.hex < b.hex ? -1 : 1)).slice(0, mostFiles);
    for (const shard of new Set(first.map(({ path }) => dirname(path)))) await mkdir(shard, { recursive: true });
    for (const { path, bytes } of first) await writeFile(path, bytes);
  } finally {
    db.close();
  }
}
