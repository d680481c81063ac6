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

const index = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });
const push = async (name: string, tag: string, n: number) =>
  (await putManifest(server.url, name, tag, index(n), ociIndex)).status;

test('the commands of the guide to tags do what it says', async () => {
  const guide = await Bun.file(join(import.meta.dir, '../../docs/guides/tags.md')).text();
  const lines = [...guide.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
  expect(lines.length).toBeGreaterThan(5);
  for (const n of [1, 2]) expect(await push('team/app', 'v1', n)).toBe(201);
  expect((await bonded('acr tag delete --image team/app:v1')).code).toBe(0);
  const printed: string[] = [];
  for (const line of lines) {
    // Nothing moves an immutable tag, forced or not; the guide says so.
    const forced = line.includes('--force');
    if (forced) expect((await bonded("acr tag immutability set --repository 'team/*' --mode MUTABLE")).code).toBe(0);
    const { code, out, error } = await bonded(line.replace('sha256:…', digestOf(index(1))));
    expect([line, code, error]).toEqual([line, 0, '']);
    printed.push(out);
  }
  expect(printed.join('')).toMatch(/dev-\*[\s\S]*sandbox\/\*[\s\S]*deleted[\s\S]*moved/);
  const shown = await bonded('acr tag show --image team/app:v1 -o json');
  expect(shown.json()).toMatchObject({ digest: digestOf(index(1)), pullCount: 0 });
  // What was set at first: dev-* and sandbox/* move, others do not.
  const outcomes: number[] = [];
  for (const [name, tag] of [
    ['other', 'v1'],
    ['other', 'dev-1'],
    ['sandbox/a', 'v1'],
  ] as const)
    for (const n of [1, 2]) outcomes.push(await push(name, tag, n));
  expect(outcomes).toEqual([201, 409, 201, 201, 201, 201]);
});
