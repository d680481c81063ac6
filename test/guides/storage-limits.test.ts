import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLayout } from '../clients/layout-writer.ts';
import { ociManifest } from '../http/registry.ts';
import { managementOf, registry } from '../support/management.ts';
import { startTestApp } from '../support/server.ts';
import { signIn } from '../support/sign-in.ts';

/* What the guide says that clients do where a limit is reached: they print the message, and do not try again. */

const clients: Record<string, (layout: string, host: string) => string[]> = {
  skopeo: (layout, host) =>
    'skopeo --insecure-policy copy --quiet --dest-tls-verify=false'
      .split(' ')
      .concat(`oci:${layout}:it`, `docker://${host}/skopeo:v1`),
  crane: (layout, host) => ['crane', 'push', '--insecure', layout, `${host}/crane:v1`],
  oras: (layout, host) =>
    'oras cp --from-oci-layout --to-plain-http --no-tty'.split(' ').concat(`${layout}:it`, `${host}/oras:v1`),
};

async function makeLayout(folder: string): Promise<string> {
  await mkdir(folder);
  const layout = await writeLayout(folder);
  const config = await layout.put('{"architecture":"amd64","os":"linux"}', 'application/vnd.oci.image.config.v1+json');
  const layers = [await layout.put(randomBytes(2_000_000), 'application/vnd.oci.image.layer.v1.tar')];
  const text = JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, config, layers });
  await layout.finish(await layout.put(text, ociManifest), 'it');
  return folder;
}

for (const [name, commandOf] of Object.entries(clients)) {
  test.skipIf(Bun.which(name) === null && !process.env['CI'])(
    `${name} prints why a push does not fit, and ends`,
    async () => {
      await using server = await startTestApp();
      const home = await mkdtemp(join(tmpdir(), 'bonded-limits-'));
      try {
        const layout = await makeLayout(join(home, 'layout'));
        const env = { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home, ...(await signIn(home, server.url)) };
        // Nothing is left; the layer does not fit; the layer does, and the manifest does not.
        for (const limitBytes of [0, 1_000_000, 2_000_100]) {
          await managementOf(server.url).patch(registry, { storageQuota: { limitBytes } });
          const child = Bun.spawn(commandOf(layout, server.host), { env, stdout: 'ignore', stderr: 'pipe' });
          const said = await new Response(child.stderr).text();
          expect(await child.exited).not.toBe(0);
          expect(said).toContain('the storage limit of this registry is reached');
          expect(said).toContain('or have the limit raised');
        }
        const refused = (await server.app.metrics.render()).match(/^bonded_storage_refusals_total\{.*\} (\d+)$/m)?.[1];
        // A client that pushes blobs side by side may meet the limit with more than one of them.
        expect(Number(refused)).toBeWithin(3, 7);
        await managementOf(server.url).patch(registry, { storageQuota: { limitBytes: 3_000_000 } });
        const child = Bun.spawn(commandOf(layout, server.host), { env, stdout: 'ignore', stderr: 'pipe' });
        expect([await child.exited, name]).toEqual([0, name]);
      } finally {
        await rm(home, { recursive: true, force: true });
      }
    },
    60_000,
  );
}
