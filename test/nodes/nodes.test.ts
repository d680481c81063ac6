import { expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { fetch } from '../http/fetch.ts';
import { type Algorithm, randomBytes } from '../http/registry.ts';
import { bonded } from '../support/command.ts';
import { canCluster, startCluster } from './cluster.ts';
import { createPusher, findLost, newTally } from './pusher.ts';

const partBytes = 5 * 1024 * 1024;

test.skipIf(!canCluster)(
  'an upload that was begun on one node goes on and commits on others, below and above the size of a part',
  async () => {
    await using cluster = await startCluster();
    const [a, b] = [cluster.nodes[0]!, cluster.nodes[1]!];
    const path = '/v2/moved/blobs/uploads/';
    for (const algorithm of ['sha256', 'sha512'] as Algorithm[]) {
      for (const sizes of [
        [1000, 50, 3000],
        [partBytes, partBytes, 1],
        [partBytes + 1, 2 * partBytes + 7, 100, partBytes - 1],
      ]) {
        const bytes = randomBytes(sizes.reduce((sum, size) => sum + size));
        const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
        const opened = await fetch(`${a.url}${path}?digest-algorithm=${algorithm}`, { method: 'POST' });
        const location = opened.headers.get('location')!;
        let at = 0;
        for (const [chunk, size] of sizes.entries()) {
          const node = chunk % 2 === 0 ? b : a;
          const headers = { 'Content-Range': `${at}-${at + size - 1}` };
          const sent = await fetch(node.url + location, {
            method: 'PATCH',
            headers,
            body: bytes.subarray(at, (at += size)),
          });
          expect(sent.status).toBe(202);
          expect(sent.headers.get('range')).toBe(`0-${at - 1}`);
          // Any node knows how far it is.
          const asked = await fetch((node === a ? b : a).url + location);
          expect(asked.headers.get('range')).toBe(`0-${at - 1}`);
        }
        expect((await fetch(`${a.url}${location}?digest=${digest}`, { method: 'PUT' })).status).toBe(201);
        for (const { url } of [a, b]) {
          const pulled = await fetch(`${url}/v2/moved/blobs/${digest}`);
          expect(
            createHash(algorithm)
              .update(await pulled.bytes())
              .digest('hex'),
          ).toBe(digest.split(':')[1]!);
        }
      }
    }
    // A session that is cancelled on the other node is gone on both.
    const opened = await fetch(a.url + path, { method: 'POST' });
    const location = opened.headers.get('location')!;
    expect((await fetch(a.url + location, { method: 'PATCH', body: randomBytes(100) })).status).toBe(202);
    expect((await fetch(b.url + location, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(a.url + location)).status).toBe(404);
    expect((await cluster.objects()).filter((key) => key.startsWith('uploads/') || key.includes('open'))).toEqual([]);
  },
  120_000,
);

test.skipIf(!canCluster)(
  'pushes of the same and of different tags and blobs through all nodes at once lose nothing',
  async () => {
    await using cluster = await startCluster({ settings: { 'gc.interval': '1s', 'gc.delay': '20s' } });
    const tally = newTally();
    const pushes = Number(process.env['BONDED_TEST_NODE_PUSHES'] ?? 15);
    const urls = cluster.nodes.map(({ url }) => url);
    const any = () => urls[Math.floor(Math.random() * urls.length)]!;
    await Promise.all(
      Array.from({ length: 6 }, async (_, pusher) => {
        const { push } = createPusher(tally, any);
        for (let n = 0; n < pushes; n++) {
          // One tag for all; a tag of its own for each.
          await push('storm/app', 'latest');
          await push('storm/app', `p${pusher}-${n}`);
        }
      }),
    );
    expect([...tally.refusals]).toEqual([]);
    expect(tally.acknowledged).toHaveLength(12 * pushes);
    expect(await findLost(cluster.nodes, tally.acknowledged)).toEqual([]);
    const digestsOf = (tag: string) =>
      tally.acknowledged.filter((one) => one.tag === tag).map(({ image }) => image.digest);
    const ends = await Promise.all(
      urls.map(async (url) =>
        (await fetch(`${url}/v2/storm/app/manifests/latest`)).headers.get('docker-content-digest'),
      ),
    );
    expect(new Set(ends).size).toBe(1);
    expect(digestsOf('latest')).toContain(ends[0]!);
    const history = await cluster.query<{ digest: string }>(
      `SELECT digest FROM tag_history WHERE tag = 'latest' ORDER BY id`,
    );
    expect(history.map(({ digest }) => digest).toSorted()).toEqual(digestsOf('latest').toSorted());
    const tags = (await (await fetch(`${urls[0]}/v2/storm/app/tags/list?n=10000`)).json()) as { tags: string[] };
    expect(tags.tags).toHaveLength(6 * pushes + 1);
    const members = 2 * Number(process.env['BONDED_TEST_PROCESSES'] ?? 1);
    const listed = await bonded(['nodes', ...cluster.settings], cluster.environment);
    expect(listed.out.trim().split('\n')).toHaveLength(members);
    // Nodes that start together may share the jobs; each has one node.
    const jobs = listed.out.match(/collect(?!-)|sweep-uploads|trim-events/g)!.toSorted();
    expect(jobs).toEqual(['collect', 'sweep-uploads', 'trim-events']);
    expect(await (await fetch(`${urls[0]}/metrics`)).text()).toContain(`bonded_nodes_active ${members}\n`);
  },
  240_000,
);
