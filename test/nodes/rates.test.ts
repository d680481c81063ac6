import { expect, test } from 'bun:test';
import { fetch } from '../http/fetch.ts';
import { tiersOf } from '../support/tiers.ts';
import { canCluster, type Cluster, startCluster } from './cluster.ts';

/** Few enough for a machine that has other work: what is promised is how many pass, not how many it can do. */
const perMinute = 900;
const burstSeconds = 10;
const held = (perMinute * burstSeconds) / 60;

interface Load {
  total: number;
  refused: number;
  /** What the bucket held and what filled meanwhile. */
  allowed: number;
}

/** Asks the nodes, each by some clients at once, for a time (ms). */
async function load({ nodes }: Pick<Cluster, 'nodes'>, registry: string, clients: number[], ms: number): Promise<Load> {
  let [total, refused] = [0, 0];
  const began = performance.now();
  const ask = async (url: string) => {
    while (performance.now() - began < ms) {
      const answer = await fetch(`${url}/v2/app/manifests/latest`, { headers: { Host: `${registry}.localhost` } });
      await answer.text();
      if (answer.status === 404) total++;
      else if (answer.status === 429) {
        refused++;
        await Bun.sleep(20);
      } else throw new Error(`it answered ${answer.status}`);
    }
  };
  await Promise.all(nodes.flatMap(({ url }, n) => Array.from({ length: clients[n] ?? 0 }, () => ask(url))));
  return { total, refused, allowed: held + (perMinute * (performance.now() - began)) / 60_000 };
}

test.skipIf(!canCluster)(
  'two nodes let pass what the tier says, within 10 %: evenly, one alone, and after one has died',
  async () => {
    await using cluster = await startCluster();
    const [first, second] = cluster.nodes;
    const tiers = tiersOf(first!.url);
    await tiers.put('Shared', { rates: { dataplaneRead: { registry: perMinute, identity: -1 }, burstSeconds } });
    for (const registry of ['evenly', 'onesided', 'orphan']) await tiers.use('Shared', registry);
    // Until both nodes know of it.
    for (const { url } of cluster.nodes) {
      const asked = performance.now();
      const said = async () => {
        const headers = { Host: 'orphan.localhost' };
        return (await fetch(`${url}/v2/app/manifests/latest`, { headers })).headers.get('ratelimit-policy');
      };
      while ((await said()) === null) {
        if (performance.now() - asked > 20_000) throw new Error('a node has not heard of the tier');
        await Bun.sleep(100);
      }
    }

    for (const [registry, clients] of [
      ['evenly', [4, 4]],
      ['onesided', [8, 0]],
    ] as const) {
      const { total, refused, allowed } = await load(cluster, registry, [...clients], 8000);
      expect(refused).toBeGreaterThan(0);
      expect(total).toBeWithin(allowed * 0.9, allowed * 1.1);
    }

    // One dies with a slice in hand; the other gets that, too, once it has lapsed.
    const holders = async () => {
      const [row] = await cluster.query<{ state: string }>(
        `SELECT b.state FROM rate_buckets b JOIN registries r ON r.id = b.registry_id WHERE r.name = 'orphan' AND b.subject = ''`,
      );
      return Object.keys((JSON.parse(row!.state) as { slices: object }).slices);
    };
    const ask = () => fetch(`${second!.url}/v2/app/manifests/latest`, { headers: { Host: 'orphan.localhost' } });
    for (let n = 0; n < 5; n++) expect((await ask()).status).toBe(404);
    await second!.kill();
    const [dead, ...others] = await holders();
    expect([dead === undefined, others]).toEqual([false, []]);
    await Bun.sleep(6000);
    const { total, refused, allowed } = await load({ nodes: [first!] }, 'orphan', [8], 8000);
    expect(await holders()).not.toContain(dead!);
    expect(refused).toBeGreaterThan(0);
    // The bucket was full again but for what the first node had of it.
    expect(total).toBeWithin(allowed * 0.9, allowed * 1.1);
  },
  180_000,
);
