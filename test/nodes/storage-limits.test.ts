import { expect, test } from 'bun:test';
import { fetch } from '../http/fetch.ts';
import { digestOf, errorOf, openUpload, randomBytes } from '../http/registry.ts';
import { managementOf, registry } from '../support/management.ts';
import { type Cluster, type ClusterNode, canCluster, startCluster } from './cluster.ts';

const mib = 1024 * 1024;

const stored = async ({ url }: ClusterNode) =>
  ((await managementOf(url).post(`${registry}/listStorage`, {})) as { bytes: number }).bytes;

/** Pushes a blob as Docker does: bytes first, and then the request that ends the upload, perhaps at another node. */
async function push(
  one: ClusterNode,
  other: ClusterNode,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<number> {
  const opened = await fetch(`${one.url}/v2/${name}/blobs/uploads/`, { method: 'POST' });
  if (opened.status !== 202) return opened.status;
  const path = opened.headers.get('location')!;
  const sent = await fetch(`${one.url}${path}`, { method: 'PATCH', body: bytes });
  if (sent.status !== 202) return sent.status;
  return (await fetch(`${other.url}${path}?digest=${digestOf(bytes)}`, { method: 'PUT' })).status;
}

/** Limits of the registry, or of its repositories, which both nodes know: more than `limitBytes` is refused in one of them. */
async function limit(cluster: Cluster, quota: object, limitBytes: number, name: string): Promise<void> {
  await managementOf(cluster.nodes[0]!.url).patch(registry, { storageQuota: quota });
  for (const { url } of cluster.nodes) {
    const large = { method: 'POST', body: randomBytes(limitBytes + 1) };
    for (const end = performance.now() + 45_000; ; await Bun.sleep(50)) {
      const answer = await fetch(`${url}/v2/${name}/blobs/uploads/?digest=${digestOf('x')}`, large);
      const error = answer.status === 403 ? await errorOf(answer) : undefined;
      // The limit before this one refuses it, too.
      if ((error?.detail as { limit?: number } | undefined)?.limit === limitBytes) break;
      if (performance.now() > end) throw new Error(`${url} knows no limit`);
    }
  }
}

test.skipIf(!canCluster)(
  'two nodes that fill a registry at once stop at its limit, and what is refused leaves nothing in the bucket',
  async () => {
    await using cluster = await startCluster();
    const [one, other] = cluster.nodes as [ClusterNode, ClusterNode];
    // Under the limit of the tier, which is far away: both nodes have slices of what it leaves.
    for (let n = 0; n < 12; n++) expect(await push(n % 2 ? one : other, one, 'r0', randomBytes(1024))).toBe(201);
    const budgets = await cluster.query<{ limit_bytes: string }>('SELECT limit_bytes FROM storage_budgets');
    expect(budgets.filter(({ limit_bytes }) => Number(limit_bytes) > 0)).toHaveLength(1);
    const before = await stored(one);
    // Parts have 5 MiB: these are multipart uploads.
    const most = before + 32 * mib;
    await limit(cluster, { limitBytes: most }, most, 'probe');
    const blobs = Array.from({ length: 10 }, () => randomBytes(6 * mib));
    const statuses = await Promise.all(
      blobs.map((bytes, n) => push(n % 2 ? one : other, n % 3 ? one : other, `r${n % 2}`, bytes)),
    );
    expect(statuses.toSorted()).toEqual([...Array(5).fill(201), ...Array(5).fill(403)]);
    expect([await stored(one), await stored(other)]).toEqual(Array(2).fill(before + 30 * mib));
    const links = await cluster.query<{ n: string }>('SELECT count(*) AS n FROM blob_links');
    expect(Number(links[0]!.n)).toBe(12 + 5);
    // Its bytes may go a moment after the answer. What is left of those that were published is a note for the sweep.
    const keys = async () => {
      const rows = await cluster.query<{ key: string }>('SELECT "key" FROM blobs WHERE deleting = 0');
      const known = new Set(rows.flatMap(({ key }) => [`blobs/${key}`, `blobs/${key.split('.', 1)[0]}`]));
      const objects = await cluster.objects();
      return objects.filter((key) => !known.has(key) && (key.startsWith('blobs/') || key.includes('multipart')));
    };
    for (const end = performance.now() + 45_000; (await keys()).length > 0 && performance.now() < end;)
      await Bun.sleep(100);
    expect(await keys()).toEqual([]);
    expect(await cluster.query('SELECT id FROM uploads')).toEqual([]);
    for (const [n, status] of statuses.entries()) {
      const pulled = await fetch(`${one.url}/v2/r${n % 2}/blobs/${digestOf(blobs[n]!)}`);
      expect(pulled.status).toBe(status === 201 ? 200 : 404);
      if (status === 201) expect(digestOf(await pulled.bytes())).toBe(digestOf(blobs[n]!));
      else await pulled.body?.cancel();
    }
    // The last bytes.
    const rest = randomBytes(2 * mib);
    expect(await push(one, other, 'r0', rest)).toBe(201);
    expect((await fetch(`${other.url}/v2/r0/blobs/uploads/`, { method: 'POST' })).status).toBe(403);
    await expect(openUpload(other.url, 'r0')).rejects.toThrow('403');

    // So it is with a repository that has a limit of its own, and not with its neighbour.
    const repositories = [{ repository: 'small/*', limitBytes: 8 * mib }];
    await limit(cluster, { limitBytes: null, repositories }, 8 * mib, 'small/probe');
    const many = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        push(n % 2 ? one : other, n % 3 ? one : other, 'small/app', randomBytes(2 * mib)),
      ),
    );
    expect(many.toSorted()).toEqual([...Array(4).fill(201), ...Array(4).fill(403)]);
    expect(await push(other, one, 'large/app', randomBytes(mib))).toBe(201);
    expect(await push(one, other, 'small/app', randomBytes(1))).toBe(403);
  },
  120_000,
);
