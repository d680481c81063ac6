import { expect } from 'bun:test';
import type { Database } from '../database/index.ts';

interface Row {
  registry_id: number;
  repository_id: number;
  [column: string]: number;
}

/** What the links and manifests that there are add up to, without any help of what is counted. */
const recounts = [
  `SELECT registry_id, repository_id, count(*) AS blobs, sum(size) AS blob_bytes,
      sum(CASE WHEN (SELECT count(*) FROM blob_links o WHERE o.digest = l.digest AND o.registry_id = l.registry_id) = 1
        THEN size ELSE 0 END) AS own_bytes, 0 AS manifests, 0 AS manifest_bytes
    FROM blob_links l GROUP BY registry_id, repository_id`,
  `SELECT registry_id, 0 AS repository_id, count(*) AS blobs, sum(size) AS blob_bytes, 0 AS own_bytes, 0 AS manifests,
      0 AS manifest_bytes
    FROM (SELECT registry_id, digest, max(size) AS size FROM blob_links GROUP BY registry_id, digest) b
    GROUP BY registry_id`,
  `SELECT registry_id, repository_id, 0 AS blobs, 0 AS blob_bytes, 0 AS own_bytes, count(*) AS manifests,
      sum(size) AS manifest_bytes FROM manifests GROUP BY registry_id, repository_id`,
  `SELECT registry_id, 0 AS repository_id, 0 AS blobs, 0 AS blob_bytes, 0 AS own_bytes, count(*) AS manifests,
      sum(size) AS manifest_bytes FROM manifests GROUP BY registry_id`,
  `SELECT registry_id, repository_id, 0 AS blobs, 0 AS blob_bytes, 0 AS own_bytes, 0 AS manifests,
      sum(size) AS manifest_bytes FROM deleted_manifests GROUP BY registry_id, repository_id`,
  `SELECT registry_id, 0 AS repository_id, 0 AS blobs, 0 AS blob_bytes, 0 AS own_bytes, 0 AS manifests,
      sum(size) AS manifest_bytes FROM deleted_manifests GROUP BY registry_id`,
];

const counted = (table: string) =>
  `SELECT registry_id, repository_id, blobs, blob_bytes, own_bytes, manifests, manifest_bytes FROM ${table}`;

function sumsOf(rows: Row[]): Record<string, Record<string, number>> {
  const sums = new Map<string, Record<string, number>>();
  for (const { registry_id, repository_id, ...numbers } of rows) {
    const name = `${registry_id}/${repository_id}`;
    const sum = sums.get(name) ?? {};
    for (const [column, value] of Object.entries(numbers)) sum[column] = (sum[column] ?? 0) + value;
    sums.set(name, sum);
  }
  const some = [...sums].filter(([, sum]) => Object.values(sum).some((value) => value !== 0));
  return Object.fromEntries(some.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Expects every sum to be what a recount says, and every blob of a registry to know its links. */
export async function expectCounted(db: Database): Promise<void> {
  const found = await Promise.all(recounts.map((statement) => db.all<Row>(statement, [])));
  const tables = db.dialect === 'sqlite' ? ['storage_usage'] : ['storage_usage', 'storage_deltas'];
  const sums = await db.all<Row>(tables.map(counted).join(' UNION ALL '), []);
  expect(sumsOf(sums)).toEqual(sumsOf(found.flat()));
  const order = 'ORDER BY digest, registry_id';
  expect(
    await db.all(`SELECT digest, registry_id, size, links, repositories FROM registry_blobs ${order}`, []),
  ).toEqual(
    await db.all(
      `SELECT digest, registry_id, max(size) AS size, count(*) AS links, sum(repository_id) AS repositories
        FROM blob_links GROUP BY digest, registry_id ${order}`,
      [],
    ),
  );
}
