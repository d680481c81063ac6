import { expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeOciLayout } from './support/oci-layout.ts';
import { startTestProcess } from './support/server.ts';
import { signIn } from './support/sign-in.ts';

const readme = await Bun.file(join(import.meta.dir, '..', 'README.md')).text();
const blocks = [...readme.matchAll(/^```sh tour\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);

/** What a reader sees after each block of the tour. */
const expected = [
  [],
  ['"repositories":["team/app"]', '"tags":["1.0"]'],
  ['MANIFEST_UNKNOWN', 'MANIFEST_INVALID', '"requestId"'],
  ['"tags":[]'],
  ['ok', 'bonded_http_requests_total'],
];

test.skipIf(!Bun.which('skopeo') && !process.env['CI'])(
  'the tour of the README does what it says',
  async () => {
    await using server = await startTestProcess();
    const directory = await mkdtemp(join(tmpdir(), 'bonded-tour-'));
    try {
      await writeOciLayout(join(directory, 'image'));
      const credentials = await signIn(join(directory, 'home'), server.url);
      expect(blocks).toHaveLength(expected.length);
      for (const [at, block] of blocks.entries()) {
        const script = block.replaceAll('127.0.0.1:5000', server.host);
        const run = Bun.spawn(['sh', '-euc', script], {
          cwd: directory,
          env: { ...process.env, ...credentials },
          stdout: 'pipe',
          stderr: 'pipe',
        });
        const output = (await new Response(run.stdout).text()) + (await new Response(run.stderr).text());
        expect({ code: await run.exited, output }).toMatchObject({ code: 0 });
        for (const text of expected[at]!) expect(output).toContain(text);
      }
      expect(await Bun.file(join(directory, 'pulled', 'index.json')).exists()).toBe(true);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
  60_000,
);
