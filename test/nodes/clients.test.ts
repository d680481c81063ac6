import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLayout } from '../clients/layout-writer.ts';
import { fetch } from '../http/fetch.ts';
import { digestOf, ociManifest } from '../http/registry.ts';
import { signIn } from '../support/sign-in.ts';
import { canCluster, startCluster } from './cluster.ts';

const clients: Record<string, (layout: string, host: string, reference: string) => string[]> = {
  crane: (layout, host, reference) => ['crane', 'push', '--insecure', layout, `${host}/${reference}`],
  skopeo: (layout, host, reference) =>
    'skopeo --insecure-policy copy --quiet --preserve-digests --dest-tls-verify=false'
      .split(' ')
      .concat(`oci:${layout}:it`, `docker://${host}/${reference}`),
  oras: (layout, host, reference) =>
    'oras cp --from-oci-layout --to-plain-http --no-tty'.split(' ').concat(`${layout}:it`, `${host}/${reference}`),
};
const missing = Object.keys(clients).filter((name) => Bun.which(name) === null);
const images = Number(process.env['BONDED_TEST_NODE_IMAGES'] ?? 4);

/** An image of a layer that all share and one of its own, as a layout. */
async function makeLayout(folder: string, base: Uint8Array): Promise<{ text: string; digests: string[] }> {
  await mkdir(folder);
  const layout = await writeLayout(folder);
  const layerType = 'application/vnd.oci.image.layer.v1.tar';
  const config = await layout.put(
    JSON.stringify({ architecture: 'amd64', os: 'linux', id: randomBytes(8).toString('hex') }),
    'application/vnd.oci.image.config.v1+json',
  );
  const layers = [await layout.put(base, layerType), await layout.put(randomBytes(200_000), layerType)];
  const text = JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, config, layers });
  await layout.finish(await layout.put(text, ociManifest), 'it');
  return { text, digests: [config, ...layers].map(({ digest }) => digest) };
}

async function run(command: string[], home: string, urls: readonly string[]): Promise<void> {
  const child = Bun.spawn(command, {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home, ...(await signIn(home, ...urls)) },
    stdout: 'ignore',
    stderr: 'pipe',
  });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')}: ${complaint}`);
}

test.skipIf(!canCluster || (missing.length > 0 && !process.env['CI']))(
  `crane, skopeo and oras push to two nodes at once: ${images} images each, a shared layer, one tag for all and one for each`,
  async () => {
    await using cluster = await startCluster();
    const folder = await mkdtemp(join(tmpdir(), 'bonded-layouts-'));
    try {
      const urls = cluster.nodes.map(({ url }) => url);
      const base = randomBytes(6_000_000);
      const pushed = await Promise.all(
        Object.entries(clients).map(async ([client, commandOf], at) => {
          const made: { tag: string; text: string; digests: string[] }[] = [];
          for (let n = 0; n < images; n++) {
            const layout = join(folder, `${client}-${n}`);
            const image = await makeLayout(layout, base);
            const { host } = cluster.nodes[(at + n) % 2]!;
            const tag = `${client}-${n}`;
            await run(commandOf(layout, host, `team/app:${tag}`), folder, urls);
            await run(commandOf(layout, cluster.nodes[n % 2]!.host, 'team/app:latest'), folder, urls);
            made.push({ tag, ...image });
          }
          return made;
        }),
      );
      const all = pushed.flat();
      expect(all).toHaveLength(3 * images);
      for (const { url } of cluster.nodes) {
        for (const { tag, text, digests } of all) {
          expect(await (await fetch(`${url}/v2/team/app/manifests/${tag}`)).text()).toBe(text);
          for (const digest of digests) {
            const blob = await fetch(`${url}/v2/team/app/blobs/${digest}`);
            expect(digestOf(await blob.bytes())).toBe(digest);
          }
        }
        const latest = await (await fetch(`${url}/v2/team/app/manifests/latest`)).text();
        expect(all.map(({ text }) => text)).toContain(latest);
      }
      const history = await cluster.query(`SELECT digest FROM tag_history WHERE tag = 'latest'`);
      expect(history).toHaveLength(3 * images);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  240_000,
);
