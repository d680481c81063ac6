import { expect, test } from 'bun:test';
import { beginImport, ended, statusOf, until } from '../../src/importing/import-rig.double.ts';
import { startSlowRegistry } from '../../src/importing/slow-registry.double.ts';
import { fetch } from '../http/fetch.ts';
import { canCluster, startCluster } from './cluster.ts';

/** The node that carries an operation out, of two, and the other one. */
async function holderOf(cluster: Awaited<ReturnType<typeof startCluster>>) {
  const [row] = await until(async () => {
    const rows = await cluster.query<{ name: string }>(
      `SELECT n.name FROM operations o JOIN nodes n ON n.id = o.holder WHERE o.status = 'InProgress'`,
    );
    return rows.length > 0 ? rows : undefined;
  });
  const holder = cluster.nodes.find(({ running }) => row!.name.endsWith(`:${running.process.pid}`))!;
  return { holder, other: cluster.nodes.find((node) => node !== holder)! };
}

/** Waits until a node has blobs of the repository that an import fills. */
async function arrived({ url }: { url: string }, digests: readonly string[]): Promise<void> {
  const has = async (digest: string) =>
    (await fetch(`${url}/v2/moved/blobs/${digest}`, { method: 'HEAD' })).status === 200;
  await until(async () => ((await Promise.all(digests.map(has))).every(Boolean) ? true : undefined));
}

const secret = 'Zm9yIHRlc3RzIGFsb25lOiB0aGlydHktdHdvIGJ5dGVzIG9mIG5vdGhpbmc';
const settings = { 'outbound.allow': '127.0.0.1' };

test.skipIf(!canCluster)(
  'a node that is killed in the middle of an import: the other one goes on, and what is there does not come again',
  async () => {
    await using slow = startSlowRegistry();
    await using cluster = await startCluster({ settings, environment: { BONDED_KEYS_SECRET: secret } });
    const { uri, credentials } = slow;
    const body = { source: { registryUri: uri, credentials, sourceImage: 'app:v1' }, targetTags: ['moved:v1'] };
    const path = await beginImport(cluster.nodes[0]!, body);
    const { holder, other } = await holderOf(cluster);
    await arrived(other, slow.quick);
    // Any node tells how far it is.
    expect(await statusOf(other, path)).toMatchObject({ status: 'InProgress' });
    await holder.kill();
    slow.open();
    const status = await ended(other, path);
    expect(status).toMatchObject({ status: 'Succeeded', properties: { digest: slow.digest, blobs: 8 } });
    for (const digest of slow.quick) expect([digest, slow.times(digest)]).toEqual([digest, 1]);
    const rows = await cluster.query('SELECT work, sealed, holder FROM operations');
    expect(rows).toEqual([{ work: null, sealed: null, holder: null }]);
  },
  180_000,
);

test.skipIf(!canCluster)(
  'where nothing seals credentials they are in no row, and whoever takes over asks for them again',
  async () => {
    await using slow = startSlowRegistry();
    await using cluster = await startCluster({ settings });
    const { uri, credentials } = slow;
    const body = { source: { registryUri: uri, credentials, sourceImage: 'app:v1' }, targetTags: ['moved:v1'] };
    const path = await beginImport(cluster.nodes[0]!, body);
    const { holder, other } = await holderOf(cluster);
    await arrived(other, slow.quick);
    await until(() => (slow.slow.some((digest) => slow.times(digest) > 0) ? true : undefined));
    expect(JSON.stringify(await cluster.query('SELECT * FROM operations'))).not.toContain(credentials.password);
    await holder.kill();
    slow.open();
    const status = await ended(other, path);
    expect(status).toMatchObject({ status: 'Failed', error: { code: 'OperationFailed' } });
    expect(status.error!.message).toContain('give the credentials again');
    // What had come is still there: the same request again asks for the rest alone.
    expect(await ended(other, await beginImport(other, body))).toMatchObject({ status: 'Succeeded' });
    for (const digest of slow.quick) expect([digest, slow.times(digest)]).toEqual([digest, 1]);
  },
  180_000,
);
