import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Looks at facts and bytes past all of the server's own code: what it finds does not depend on the code that it judges.
 */

type Row = Record<string, string | number>;

async function query(
  data: string,
  database: string,
  statements: Record<string, string>,
): Promise<Record<string, Row[]>> {
  const sql = new Bun.SQL(database || `sqlite://${join(data, 'bonded.db')}`);
  try {
    const found: Record<string, Row[]> = {};
    for (const [name, statement] of Object.entries(statements))
      found[name] = [...(await sql.unsafe(statement))] as Row[];
    return found;
  } finally {
    await sql.close();
  }
}

function filesIn(data: string, pattern: string): string[] {
  return [...new Bun.Glob(pattern).scanSync({ cwd: data, dot: true })];
}

/** Waits until a server that runs with short delays has nothing more to collect. */
export async function settled(data: string, database: string, withinMs = 20_000): Promise<void> {
  const until = Date.now() + withinMs;
  for (;;) {
    const { waiting } = await query(data, database, {
      waiting: `SELECT (SELECT count(*) FROM gc_candidates) + (SELECT count(*) FROM uploads) +
        (SELECT count(*) FROM blobs WHERE deleting = 1) AS count`,
    });
    if (Number(waiting![0]!['count']) === 0 && filesIn(data, 'uploads/*').length === 0) return;
    if (Date.now() > until) throw new Error('collection did not come to an end');
    await Bun.sleep(50);
  }
}

/** After collection: every file has a fact, every fact its file, and every blob somebody who needs it. */
export async function findLeaks(data: string, database: string): Promise<string[]> {
  const { blobs, unlinked, dangling, unused, tags } = await query(data, database, {
    blobs: 'SELECT digest, "key", size FROM blobs',
    unlinked: 'SELECT digest FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.digest = b.digest)',
    dangling: `SELECT digest FROM blob_links l WHERE NOT EXISTS
      (SELECT 1 FROM blobs b WHERE b.digest = l.digest AND b."key" = l."key" AND b.deleting = 0)`,
    unused: `SELECT digest FROM blob_links l WHERE NOT EXISTS
      (SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest)`,
    tags: `SELECT name AS digest FROM tags t WHERE NOT EXISTS
      (SELECT 1 FROM manifests m WHERE m.repository_id = t.repository_id AND m.digest = t.digest)`,
  });
  const files = filesIn(data, 'blobs/**/*').map((path) => path.slice('blobs/'.length));
  const keys = new Set(blobs!.map((blob) => String(blob['key'])));
  const named = (rows: Row[] | undefined, what: string) => rows!.map((row) => `${what}: ${row['digest']}`);
  return [
    ...files.filter((path) => !keys.has(path)).map((path) => `a file without a fact: ${path}`),
    ...blobs!
      .filter((blob) => {
        const path = join(data, 'blobs', String(blob['key']));
        return !existsSync(path) || statSync(path).size !== Number(blob['size']);
      })
      .map((blob) => `a fact without its file: ${blob['key']}`),
    ...filesIn(data, 'uploads/*').map((path) => `a file without an upload: ${path}`),
    ...named(unlinked, 'a blob that no repository holds'),
    ...named(dangling, 'a link to a blob that is gone'),
    ...named(unused, 'a link that no manifest needs'),
    ...named(tags, 'a tag that points nowhere'),
  ];
}
