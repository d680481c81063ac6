import { join } from 'node:path';
import type { Bytes } from './bytes.ts';

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

/** Waits until a server that runs with short delays has nothing more to collect. */
export async function settled(data: string, database: string, bytes: Bytes, withinMs = 120_000): Promise<void> {
  const until = Date.now() + withinMs;
  for (;;) {
    const { candidates, uploads, deleting } = await query(data, database, {
      // An empty repository goes much later than what was in it.
      candidates: "SELECT kind, digest, not_before FROM gc_candidates WHERE kind <> 'repository'",
      uploads: 'SELECT id, closing, active_at FROM uploads',
      deleting: 'SELECT digest, "key" FROM blobs WHERE deleting = 1',
    });
    const waiting = [...candidates!, ...uploads!, ...deleting!].map((row) => JSON.stringify(row));
    waiting.push(...(await bytes.staged()));
    if (waiting.length === 0) return;
    if (Date.now() > until) throw new Error(`collection did not come to an end:\n${waiting.slice(0, 20).join('\n')}`);
    await Bun.sleep(50);
  }
}

/** After collection: all bytes have a fact, every fact its bytes, and every blob somebody who needs it. */
export async function findLeaks(data: string, database: string, bytes: Bytes): Promise<string[]> {
  const { blobs, unlinked, dangling, unused, tags, empty } = await query(data, database, {
    blobs: 'SELECT digest, "key", size FROM blobs',
    unlinked: 'SELECT digest FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.digest = b.digest)',
    dangling: `SELECT digest FROM blob_links l WHERE NOT EXISTS
      (SELECT 1 FROM blobs b WHERE b.digest = l.digest AND b."key" = l."key" AND b.deleting = 0)`,
    unused: `SELECT digest FROM blob_links l WHERE NOT EXISTS
      (SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest)`,
    empty: `SELECT name AS digest FROM repositories r
      WHERE NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = r.id)
      AND NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.repository_id = r.id)
      AND NOT EXISTS (SELECT 1 FROM gc_candidates c WHERE c.repository_id = r.id AND c.kind = 'repository')`,
    tags: `SELECT name AS digest FROM tags t WHERE NOT EXISTS
      (SELECT 1 FROM manifests m WHERE m.repository_id = t.repository_id AND m.digest = t.digest)`,
  });
  const named = (rows: Row[] | undefined, what: string) => rows!.map((row) => `${what}: ${row['digest']}`);
  return [
    ...(await bytes.compare(blobs!.map(({ key, size }) => ({ key: String(key), size: Number(size) })))),
    ...(await bytes.staged()).map((name) => `staged without an upload: ${name}`),
    ...named(unlinked, 'a blob that no repository holds'),
    ...named(dangling, 'a link to a blob that is gone'),
    ...named(unused, 'a link that no manifest needs'),
    ...named(empty, 'an empty repository that nobody looks at again'),
    ...named(tags, 'a tag that points nowhere'),
  ];
}
