import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { digestOf, ociIndex, putManifest } from '../http/registry.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { startTestApp } from '../support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
let bonded: Cli;
beforeAll(async () => {
  server = await startTestApp();
  bonded = await openCli(server);
});
afterAll(async () => {
  await bonded[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const index = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [] });
const digest = digestOf(index);

/** Pushes an image and deletes it, where it is not deleted already. */
async function deleteOne(): Promise<void> {
  expect((await putManifest(server.url, 'team/app', 'v1', index, ociIndex)).status).toBe(201);
  expect((await bonded('acr manifest delete --name team/app:v1 --yes')).code).toBe(0);
}

test('the commands of the guide to deleted images do what it says', async () => {
  const guide = await Bun.file(join(import.meta.dir, '../../docs/guides/deleted-images.md')).text();
  const lines = [...guide.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
  expect(lines.length).toBe(9);
  const printed: string[] = [];
  for (const line of lines) {
    if (/ (?:restore|purge-deleted|list-deleted) /.test(line)) await deleteOne();
    const { code, out, error } = await bonded(line.replace('sha256:…', digest));
    expect([line, code, error]).toEqual([line, 0, '']);
    printed.push(out);
  }
  expect(printed.join('')).toMatch(/enabled[\s\S]*14[\s\S]*team\/app[\s\S]*v1/);
  expect((await bonded('acr manifest restore --name team/app:v1')).code).not.toBe(0);
});
