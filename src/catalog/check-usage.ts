import type { Finding } from '../content/index.ts';
import { listsOf } from '../database/index.ts';
import { finding, pagesOf, rowsOfPages } from './check-pages.ts';
import type { Catalog } from './context.ts';
import { countStorage, isStorageCounted } from './count-storage.ts';
import { recount } from './recount-usage.ts';
import { endBudgetOf } from './storage-budgets.ts';
import { addTo, type Sums } from './storage-sums.ts';
import { addUsage, bytesOf, nothingStored, type StorageUsage, usageOf } from './usage.ts';
import './tables.ts';

interface LinkRow {
  digest: string;
  registry_id: number;
  repository_id: number;
  size: number;
}

interface BlobRow {
  digest: string;
  registry_id: number;
  size: number;
  links: number;
  repositories: number;
}

/** What is counted is what a recount says. Comes last: what other checks mend is counted as it is mended. */
export async function* checkUsage(catalog: Catalog, { repair }: { repair: boolean }): AsyncGenerator<Finding> {
  if (repair) while (await countStorage(catalog));
  // What the server has yet to count cannot be compared.
  if (!(await isStorageCounted(catalog))) return;
  yield* checkBlobs(catalog, repair);
  yield* checkLinkless(catalog, repair);
  const registries: Sums = new Map();
  yield* checkRepositories(catalog, repair, registries);
  yield* checkRegistries(catalog, repair, registries);
}

/** Each registry knows how many links a blob has there, and of which repositories. */
async function* checkBlobs(catalog: Catalog, repair: boolean): AsyncGenerator<Finding> {
  const statement = `SELECT digest, registry_id, repository_id, size FROM blob_links
    WHERE (digest, repository_id) > (?, ?) ORDER BY digest, repository_id LIMIT 500`;
  const counted = new Map<string, BlobRow>();
  const place = (last: LinkRow) => [last.digest, last.repository_id];
  for await (const links of pagesOf<LinkRow>(catalog, statement, ['', 0], place)) {
    for (const { digest, registry_id, repository_id, size } of links) {
      const row = counted.get(nameOf({ digest, registry_id }));
      if (row) {
        row.links++;
        row.repositories += repository_id;
      } else
        counted.set(nameOf({ digest, registry_id }), {
          digest,
          registry_id,
          size,
          links: 1,
          repositories: repository_id,
        });
    }
    // The links of the last digest may go on in the next page.
    const open = links.at(-1)!.digest;
    yield* compareBlobs(catalog, repair, counted, (digest) => digest !== open);
  }
  yield* compareBlobs(catalog, repair, counted, () => true);
}

const nameOf = ({ digest, registry_id }: { digest: string; registry_id: number }) => `${registry_id} ${digest}`;

async function* compareBlobs(
  catalog: Catalog,
  repair: boolean,
  counted: Map<string, BlobRow>,
  isWhole: (digest: string) => boolean,
): AsyncGenerator<Finding> {
  const whole = [...counted.values()].filter(({ digest }) => isWhole(digest));
  const found = new Map<string, BlobRow>();
  for (const { list, values } of listsOf([...new Set(whole.map(({ digest }) => digest))])) {
    const text = `SELECT digest, registry_id, size, links, repositories FROM registry_blobs WHERE digest IN (${list})`;
    for (const row of await catalog.db.all<BlobRow>(text, values)) found.set(nameOf(row), row);
  }
  for (const row of whole) {
    counted.delete(nameOf(row));
    if (Bun.deepEquals(found.get(nameOf(row)), row)) continue;
    if (repair) await setBlob(catalog, row);
    yield finding(
      'links-miscounted',
      'how many repositories of a registry have a blob is wrong',
      detailOf(row),
      repair,
    );
  }
}

const detailOf = ({ digest, registry_id }: { digest: string; registry_id: number }) => ({
  digest,
  registryId: registry_id,
});

async function setBlob({ db }: Catalog, { digest, registry_id, size, links, repositories }: BlobRow): Promise<void> {
  await db.write(async (tx) => {
    tx.send('DELETE FROM registry_blobs WHERE digest = ? AND registry_id = ?', [digest, registry_id]);
    if (links === 0) return;
    tx.send('INSERT INTO registry_blobs (digest, registry_id, size, links, repositories) VALUES (?, ?, ?, ?, ?)', [
      digest,
      registry_id,
      size,
      links,
      repositories,
    ]);
  });
}

/** Those that no repository links. */
async function* checkLinkless(catalog: Catalog, repair: boolean): AsyncGenerator<Finding> {
  const statement = `SELECT b.digest AS digest, b.registry_id AS registry_id, b.size AS size,
      (SELECT 1 FROM blob_links l WHERE l.digest = b.digest AND l.registry_id = b.registry_id LIMIT 1) AS linked
    FROM registry_blobs b WHERE (b.digest, b.registry_id) > (?, ?) ORDER BY b.digest, b.registry_id LIMIT 500`;
  const place = (last: BlobRow) => [last.digest, last.registry_id];
  for await (const row of rowsOfPages<BlobRow & { linked: number | null }>(catalog, statement, ['', 0], place)) {
    if (row.linked) continue;
    if (repair) await setBlob(catalog, { ...row, links: 0, repositories: 0 });
    yield finding(
      'links-miscounted',
      'a blob that no repository of a registry has counts there',
      detailOf(row),
      repair,
    );
  }
}

interface Content extends Omit<LinkRow, 'size'> {
  usage: Partial<StorageUsage>;
}

/** Each with what counts of its rows. */
const stored = {
  blob_links: ({ size, links }) => ({ blobs: 1, blobBytes: size, ownBytes: links === 1 ? size : 0 }),
  manifests: ({ size }) => ({ manifests: 1, manifestBytes: size }),
  // Kept for being restored: bytes, and no manifests of their repository.
  deleted_manifests: ({ size }) => ({ manifests: 0, manifestBytes: size }),
} satisfies Record<string, (row: { size: number; links: number | null }) => Content['usage']>;

/** Sums of the links, or the manifests, of each repository, in the order of their ids. */
async function* sumsOf(catalog: Catalog, table: keyof typeof stored) {
  const shared =
    table === 'blob_links'
      ? '(SELECT b.links FROM registry_blobs b WHERE b.digest = t.digest AND b.registry_id = t.registry_id)'
      : '0';
  const statement = `SELECT t.registry_id AS registry_id, t.repository_id AS repository_id, t.digest AS digest,
      t.size AS size, ${shared} AS links FROM ${table} t
    WHERE (t.repository_id, t.digest) > (?, ?) ORDER BY t.repository_id, t.digest LIMIT 500`;
  const place = (last: LinkRow) => [last.repository_id, last.digest];
  let sums: Sums = new Map();
  let repository = 0;
  for await (const row of rowsOfPages<LinkRow & { links: number | null }>(catalog, statement, [0, ''], place)) {
    if (row.repository_id !== repository) {
      yield* sums.values();
      sums = new Map();
      repository = row.repository_id;
    }
    addTo(sums, row.registry_id, repository, stored[table](row));
  }
  yield* sums.values();
}

async function* checkRepositories(catalog: Catalog, repair: boolean, registries: Sums): AsyncGenerator<Finding> {
  const tables = Object.keys(stored) as (keyof typeof stored)[];
  const streams = tables.map((table) => sumsOf(catalog, table));
  const heads = await Promise.all(streams.map((stream) => stream.next()));
  while (heads.some(({ done }) => !done)) {
    const id = Math.min(...heads.map(({ value }) => value?.repositoryId ?? Infinity));
    const sums: Sums = new Map();
    for (const [at, { done, value }] of heads.entries()) {
      if (done || value.repositoryId !== id) continue;
      const { registryId, usage } = value;
      addTo(sums, registryId, id, usage);
      if (tables[at] !== 'blob_links') {
        const { manifests, manifestBytes } = usage;
        addTo(registries, registryId, 0, { manifests, manifestBytes });
      }
      heads[at] = await streams[at]!.next();
    }
    for (const { registryId, usage } of sums.values()) yield* compare(catalog, repair, registryId, id, usage);
  }
  // What counts although there is nothing.
  const statement = `SELECT u.registry_id AS registry_id, u.repository_id AS repository_id,
      COALESCE((SELECT 1 FROM blob_links l WHERE l.repository_id = u.repository_id LIMIT 1),
        (SELECT 1 FROM manifests m WHERE m.repository_id = u.repository_id LIMIT 1),
        (SELECT 1 FROM deleted_manifests d WHERE d.repository_id = u.repository_id LIMIT 1)) AS filled
    FROM storage_usage u WHERE (u.registry_id, u.repository_id) > (?, ?)
    ORDER BY u.registry_id, u.repository_id LIMIT 500`;
  type UsageRow = Omit<LinkRow, 'digest' | 'size'> & { filled: number | null };
  const place = (last: UsageRow) => [last.registry_id, last.repository_id];
  for await (const row of rowsOfPages<UsageRow>(catalog, statement, [0, 0], place)) {
    if (row.repository_id === 0) addTo(registries, row.registry_id, 0, {});
    else if (!row.filled) yield* compare(catalog, repair, row.registry_id, row.repository_id, nothingStored);
  }
}

async function* checkRegistries(catalog: Catalog, repair: boolean, registries: Sums): AsyncGenerator<Finding> {
  const statement = `SELECT digest, registry_id, size FROM registry_blobs
    WHERE (digest, registry_id) > (?, ?) ORDER BY digest, registry_id LIMIT 500`;
  const place = (last: BlobRow) => [last.digest, last.registry_id];
  for await (const { registry_id, size } of rowsOfPages<BlobRow>(catalog, statement, ['', 0], place))
    addTo(registries, registry_id, 0, { blobs: 1, blobBytes: size });
  for (const { registryId, usage } of registries.values()) yield* compare(catalog, repair, registryId, 0, usage);
}

async function* compare(
  catalog: Catalog,
  repair: boolean,
  registryId: number,
  repositoryId: number,
  expected: StorageUsage,
): AsyncGenerator<Finding> {
  if (Bun.deepEquals(await usageOf(catalog.db, catalog.db.dialect, registryId, repositoryId), expected)) return;
  // Somebody may have pushed between two pages: once more, in one statement.
  const difference = await recount(catalog, registryId, repositoryId);
  if (Object.values(difference).every((value) => value === 0)) return;
  if (repair) {
    await catalog.db.write(async (tx) => {
      addUsage(catalog, tx, { registryId, repositoryId }, difference);
      endBudgetOf(tx, registryId, repositoryId);
    });
  }
  yield finding(
    'storage-miscounted',
    repositoryId === 0 ? 'what a registry stores is counted wrongly' : 'what a repository stores is counted wrongly',
    { registryId, ...(repositoryId !== 0 && { repositoryId }), missingBytes: bytesOf(difference) },
    repair,
  );
}
