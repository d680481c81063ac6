import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { startS3 } from '../../test/support/s3.ts';

/** Far from every time at which something is collected (ms). */
const never = 9_000_000_000_000;

/** Makes a database in a cluster; returns its URL. */
export async function createDatabase(cluster: string, name: string): Promise<string> {
  await query(cluster, [[`CREATE DATABASE ${name}`]]);
  return Object.assign(new URL(cluster), { pathname: `/${name}` }).href;
}

/** Puts blobs into a bucket of the test server, with the facts of a repository that has them. */
export async function addStoredBlobs(database: string, bucket: string, count: number): Promise<void> {
  const place = join((await startS3()).home, bucket, 'blobs');
  await mkdir(place, { recursive: true });
  const digests: string[] = [];
  const keys: string[] = [];
  for (let n = 0; n < count; n++) {
    const bytes = randomBytes(64);
    const hex = createHash('sha256').update(bytes).digest('hex');
    const upload = randomBytes(16).toString('hex');
    const key = `${upload}.sha256-${hex}`;
    await writeFile(join(place, upload), bytes);
    await writeFile(join(place, key), '');
    digests.push(`sha256:${hex}`);
    keys.push(key);
  }
  await query(database, [
    [`INSERT INTO repositories (registry_id, name, created_at) SELECT min(id), 'bench/stored', 0 FROM registries`],
    [
      `WITH made AS (SELECT r.registry_id, r.id, u.digest, u.key FROM unnest($1::text[], $2::text[]) AS u (digest, key),
          repositories r WHERE r.name = 'bench/stored'),
        stored AS (INSERT INTO blobs (digest, size, "key", created_at) SELECT digest, 64, key, 0 FROM made),
        kept AS (INSERT INTO gc_candidates (registry_id, repository_id, kind, digest, not_before)
          SELECT registry_id, id, 'link', digest, ${never} FROM made)
        INSERT INTO blob_links (registry_id, repository_id, digest, "key", size, created_at)
          SELECT registry_id, id, digest, key, 64, 0 FROM made`,
      [digests, keys],
    ],
  ]);
}

/**
 * Fills tables of which migrations make an index with rows of repositories that do not exist: they are there to be
 * indexed, and nothing else looks at them.
 */
export async function addOldFacts(database: string, count: number): Promise<void> {
  const hash = `'sha256:' || md5(n::text) || md5((-n)::text)`;
  await query(database, [
    [
      `INSERT INTO blob_links (registry_id, repository_id, digest, "key", size, created_at)
        SELECT 1, 1000000 + n % 1000, ${hash}, md5(n::text), 1, 0 FROM generate_series(1, ${count}) AS n`,
    ],
    [
      `INSERT INTO manifests (registry_id, repository_id, digest, media_type, artifact_type, kind, size, subject_digest,
          annotations, pushed_at, bytes)
        SELECT 1, 1000000 + n % 1000, ${hash}, 'application/vnd.oci.image.manifest.v1+json', 'application/vnd.example',
          'image', 2, 'sha256:' || md5((n / 10)::text), NULL, 0, '{}'
        FROM generate_series(1, ${count}) AS n`,
    ],
    ['VACUUM (ANALYZE)'],
  ]);
}

const undone: Record<string, readonly string[]> = {
  '0009-referrers-by-type': ['DROP INDEX manifests_subject_type'],
  '0010-links-by-digest': [
    'DROP INDEX blob_links_digest',
    'CREATE INDEX blob_links_digest ON blob_links (digest, registry_id)',
  ],
};

/** Makes a database as the release before this migration left it. */
export async function undoMigration(database: string, name: string): Promise<void> {
  await query(database, [
    ...undone[name]!.map((text): Statement => [text]),
    [`DELETE FROM migrations WHERE name = $1`, [name]],
  ]);
}

type Statement = readonly [text: string, values?: unknown[]];

async function query(url: string, statements: readonly Statement[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const [text, values] of statements) await client.query(text, values);
  } finally {
    await client.end();
  }
}
