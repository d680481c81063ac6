import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { testDialect } from '../../test/support/database.ts';
import { until } from '../../test/support/worker-processes.ts';
import { digestOf } from '../oci/index.ts';
import { checkUsage } from './check-usage.ts';
import type { Catalog } from './context.ts';
import { commitBlob } from './links.ts';
import { recording, type Statement } from './statements.double.ts';
import { sliceOf } from './storage-budgets.ts';
import { createStorageLimiter, forgetLimits, type StorageLimiter, type StorageLimits } from './storage-limiter.ts';
import { isOverLimit } from './storage-limits.ts';
import { openTestCatalog, type TestCatalog } from './test-catalog.double.ts';
import { bytesOf, registryUsage } from './usage.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;

interface Node {
  catalog: Catalog & { storageLimiter: StorageLimiter };
  limits: StorageLimits;
  /** Nothing of `content` is stored before. */
  push(name: string, content: string, bytes: number): Promise<unknown>;
  /** Has a slice of the registry, or of one of its repositories. */
  hasSlice(name?: string): boolean;
}

/** A process: what it remembers is its own. */
function startNode(base: TestCatalog, limits: StorageLimits): Node {
  const { registryId } = base;
  const node = { limits };
  const storageLimiter = createStorageLimiter(() => node.limits);
  const catalog = { ...(base as Catalog), storageLimiter };
  return Object.assign(node, {
    catalog,
    push(name: string, content: string, size: number) {
      const blob = { digest: digestOf(content), size, key: content };
      return catalog.db.write((tx) => commitBlob(catalog, tx, registryId, name, blob));
    },
    hasSlice: (name?: string) =>
      storageLimiter.shares.get(name === undefined ? `${registryId}` : `${registryId} ${name}`)?.slice !== undefined,
  });
}

const registryOnly = (registry: number): StorageLimits => ({ registry, repository: () => undefined });
const used = async (catalog: TestCatalog) => bytesOf(await registryUsage(catalog, catalog.registryId));

/** Pushes small blobs until it has a slice. */
async function warm(node: Node, name = 'r', of?: string): Promise<void> {
  let n = 0;
  await until(async () => {
    await node.push(name, `warm ${Math.random()} ${n++}`, 1);
    return node.hasSlice(of);
  });
}

/** Fills what is left in parts of `bytes`, and with smaller ones at the end; how much it was. */
async function fill(node: Node, name: string, bytes: number): Promise<number> {
  let done = 0;
  for (let [size, n] = [bytes, 0]; size >= 1; n++) {
    const outcome = await node.push(name, `fill ${Math.random()} ${n}`, size).catch((error: unknown) => error);
    if (outcome instanceof Error) {
      if (!isOverLimit(outcome)) throw outcome;
      size = Math.floor(size / 2);
    } else done += size;
  }
  return done;
}

test('a process that ends with a slice leaves its bytes to the others, and none is pushed beyond the limit', async () => {
  await using catalog = await openTestCatalog();
  const limits = registryOnly(200 * mib);
  const killed = startNode(catalog, limits);
  await warm(killed);
  // Nothing of it is heard of again.
  const left = 200 * mib - (await used(catalog));
  expect(await fill(startNode(catalog, limits), 'r', 9 * mib)).toBe(left);
  expect(await used(catalog)).toBe(200 * mib);
});

test('a slice that lies unused while others fill the registry is no good any more', async () => {
  await using catalog = await openTestCatalog();
  const limits = registryOnly(200 * mib);
  const [still, busy] = [startNode(catalog, limits), startNode(catalog, limits)];
  await warm(still);
  const slice = still.catalog.storageLimiter.shares.get(`${catalog.registryId}`)!.slice!;
  await fill(busy, 'r', 9 * mib);
  expect(slice.left).toBeGreaterThan(mib);
  await expect(still.push('r', 'late', 1)).rejects.toThrow('storage limit');
  expect(await used(catalog)).toBe(200 * mib);
});

test('a limit that is lowered holds at once, although slices of the former are there', async () => {
  await using catalog = await openTestCatalog();
  const [one, other] = [startNode(catalog, registryOnly(10 * gib)), startNode(catalog, registryOnly(10 * gib))];
  await warm(one);
  await warm(other);
  await one.push('r', 'most', 100 * mib);
  const lowered = registryOnly((await used(catalog)) + 70 * mib);
  // The one hears of it first, and fills it; the other has a slice of the former limit, and goes on until it hears, too.
  one.limits = lowered;
  await warm(one);
  await other.push('r', 'before it is known', 3 * mib);
  other.limits = lowered;
  await fill(one, 'r', 9 * mib);
  await expect(other.push('r', 'afterwards', 1)).rejects.toThrow('storage limit');
  expect(await used(catalog)).toBe(lowered.registry!);
  // And where it is below what is there.
  one.limits = registryOnly(50 * mib);
  await expect(one.push('r', 'beyond', 1)).rejects.toThrow('storage limit');
  // One that is raised is room at once.
  one.limits = registryOnly(10 * gib);
  await one.push('r', 'more', gib);
});

test('what was pushed by whoever knew of no limit is counted before anything comes from a budget', async () => {
  await using catalog = await openTestCatalog();
  const limits = registryOnly(200 * mib);
  const [one, other] = [startNode(catalog, limits), startNode(catalog, limits)];
  await warm(one);
  await warm(other);
  other.limits = { registry: undefined, repository: () => undefined };
  await other.push('r', 'without a limit', 150 * mib);
  other.limits = limits;
  forgetLimits(other.catalog.storageLimiter, catalog.registryId);
  await other.push('r', 'counts', 1);
  await fill(one, 'r', 9 * mib);
  expect(await used(catalog)).toBe(200 * mib);
});

test('of a repository that was made anew, slices of the former are no good', async () => {
  await using catalog = await openTestCatalog();
  const node = startNode(catalog, { registry: undefined, repository: () => 200 * mib });
  await warm(node, 'r', 'r');
  await node.push('r', 'layer', 3 * mib);
  const { id } = await catalog.repository('r');
  await catalog.db.write(async (tx) => {
    for (const table of ['blob_links', 'gc_candidates']) tx.send(`DELETE FROM ${table} WHERE repository_id = ?`, [id]);
    tx.send('DELETE FROM repositories WHERE id = ?', [id]);
  });
  expect(await catalog.db.all('SELECT * FROM storage_budgets', [])).toEqual([]);
  expect(await fill(node, 'r', 7 * mib)).toBe(200 * mib);
});

test('a push far from its limits sends no statement more than one without', async () => {
  await using base = await openTestCatalog();
  const sent: Statement[] = [];
  const catalog = { ...base, db: { ...base.db, ...recording(base.db, (statement) => void sent.push(statement)) } };
  const statementsOf = async (node: Node, content: string) => {
    sent.length = 0;
    await node.push('r', content, 10);
    return sent.length;
  };
  const free = startNode(catalog, { registry: undefined, repository: () => undefined });
  await free.push('r', 'first', 1);
  const without = await statementsOf(free, 'without');
  const node = startNode(catalog, { registry: 2 ** 40, repository: () => 2 ** 40 });
  await warm(node, 'r');
  await warm(node, 'r', 'r');
  expect(await statementsOf(node, 'with')).toBe(without);
});

test('what fsck sets right ends budgets, and while old content is counted there are none', async () => {
  await using catalog = await openTestCatalog();
  const { registryId, db } = catalog;
  await startNode(catalog, { registry: undefined, repository: () => undefined }).push('r', 'layer', 200 * mib);
  // As if most of it had never been counted.
  await db.write(async (tx) => {
    const add = `INSERT INTO storage_deltas (registry_id, repository_id, blobs, blob_bytes, own_bytes, manifests, manifest_bytes)
      VALUES (?, 0, 0, ?, 0, 0, 0)`;
    if (db.dialect === 'postgres') tx.send(add, [registryId, -150 * mib]);
    else tx.send('UPDATE storage_usage SET blob_bytes = blob_bytes + ? WHERE repository_id = 0', [-150 * mib]);
  });
  const node = startNode(catalog, registryOnly(300 * mib));
  await warm(node);
  await Array.fromAsync(checkUsage(catalog, { repair: true }));
  const [budget] = await db.all<{ limit_bytes: number }>('SELECT limit_bytes FROM storage_budgets', []);
  expect(budget?.limit_bytes).toBe(-1);
  await fill(node, 'r', 9 * mib);
  expect(await used(catalog)).toBe(300 * mib);

  await db.write(async (tx) => tx.send(`UPDATE storage_count SET digest = 'sha256:~' WHERE what = 'links'`, []));
  const counted = startNode(catalog, registryOnly(10 * gib));
  for (let n = 0; n < 5; n++) await counted.push('r', `while counting ${n}`, 1);
  await until(() => counted.catalog.storageLimiter.asking === 0);
  expect(counted.hasSlice()).toBe(false);
});

// SQLite is not shared with nodes of another version.
if (testDialect() === 'postgres') {
  test('a node of the version before takes turns with those that have slices, and ends them', async () => {
    await using catalog = await openTestCatalog();
    const { registryId, db } = catalog;
    const node = startNode(catalog, { registry: gib, repository: () => gib });
    await warm(node);
    await warm(node, 'r', 'r');
    // As it asked: alone (2) once it had heard that a tenth was left, and shared (1) before.
    const claim = (how: number) =>
      db.write((tx) =>
        tx.first<{ registry: number; repository: number; connections: number }>(
          'SELECT registry, repository, connections FROM storage_claim(?, ?, ?, ?, ?, ?)',
          [registryId, 'r', registryId, Bun.hash.crc32('r') | 1, how, how],
        ),
      );
    const first = (await claim(1))!;
    expect(Math.min(first.registry, first.repository)).toBeGreaterThan(gib);
    expect(first.connections).toBeGreaterThan(0);
    expect(node.hasSlice()).toBe(true);
    const now = await used(catalog);
    expect(await claim(2)).toMatchObject({ registry: now, repository: now });
    const budgets = await db.all<{ limit_bytes: number }>('SELECT limit_bytes FROM storage_budgets', []);
    expect(budgets.map(({ limit_bytes }) => limit_bytes)).toEqual([-1, -1]);
    await fill(node, 'r', 100 * mib);
    expect(await used(catalog)).toBe(gib);
  });
}

test('slices are a small part of what is left, and there are none where that is little', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e15, max: 1e15 }), (left) => {
      const size = sliceOf(left);
      expect(size * 64).toBeLessThanOrEqual(Math.max(0, left));
      expect(size === 0).toBe(left < 64 * mib);
    }),
  );
});
