import { connected, digestOf, imageType, must, type Sender } from '../client/content.ts';
import type { Filler } from './filler.ts';

/** Most tags of one push. */
const tagsAtOnce = 100;
const connections = 8;

export const fillBonded: Filler = {
  async tags({ port }, repository, manifest, names) {
    const digest = digestOf(manifest);
    const pushes: string[] = [];
    for (let at = 0; at < names.length; at += tagsAtOnce) {
      const query = names.slice(at, at + tagsAtOnce).map((name) => `tag=${name}`);
      pushes.push(`/v2/${repository}/manifests/${digest}?${query.join('&')}`);
    }
    await share(port, pushes, (to, path) => put(to, path, manifest));
  },
  async referrers({ port }, repository, manifests) {
    await share(port, manifests, (to, bytes) => put(to, `/v2/${repository}/manifests/${digestOf(bytes)}`, bytes));
  },
};

/** Does all of them over a few connections. */
async function share<T>(
  port: number,
  items: readonly T[],
  work: (to: Sender, item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const rest = async (to: Sender) => {
    while (next < items.length) await work(to, items[next++]!);
  };
  await Promise.all(Array.from({ length: connections }, () => connected(port, rest)));
}

async function put(to: Sender, path: string, bytes: Uint8Array): Promise<void> {
  const answer = await to.send({ method: 'PUT', path, headers: { 'Content-Type': imageType }, body: [bytes] });
  must(answer, 201, 'PUT of a manifest');
}
