import { expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openTerminal } from '../../test/support/terminal.ts';
import type { Context } from './context.ts';
import { withProgress } from './progress.ts';

/** Somebody who sees no terminal. */
function plain(environment: Record<string, string> = {}) {
  let error = '';
  const stderr = { isTTY: false, write: (text: string) => void (error += text) };
  const context = { environment: { HOME: '/nowhere', ...environment }, process: { stderr, stdin: { isTTY: false } } };
  return { context: context as unknown as Context, said: () => error };
}

const hasty = { quick: 0, quickLines: 10, betweenLines: 20 };

/** Goes on until something was said, or for as long as it takes to be sure that nothing is. */
async function untilSaid(said: () => string, lines: number, patienceMs: number): Promise<void> {
  const end = Date.now() + patienceMs;
  while (said().split('\n').length <= lines && Date.now() < end) await Bun.sleep(5);
}

test('quick work says nothing, and has its outcome', async () => {
  const { context, said } = plain();
  expect(await withProgress(context, 'Deleting', async () => 7)).toBe(7);
  expect(said()).toBe('');
});

test('without a terminal long work says a line now and then, whatever a name may hold', async () => {
  const { context, said } = plain();
  await withProgress(
    context,
    'Importing',
    async (progress) => {
      progress.at('layer \u001b[2J1', 0.25);
      await untilSaid(said, 2, 30_000);
    },
    hasty,
  );
  expect(said()).toMatch(/^(?:Importing: layer \\u001b\[2J1, 25 % \(\d+ s\)\n){2,}$/);
  const after = said();
  await Bun.sleep(100);
  expect(said()).toBe(after);
});

test('nothing is shown where nobody wants it, and a failure stays one', async () => {
  const { context, said } = plain({ BONDED_PROGRESS: 'off' });
  const failing = withProgress(
    context,
    'Importing',
    async () => {
      await untilSaid(said, 1, 100);
      throw new Error('broken');
    },
    hasty,
  );
  expect(await failing.catch((error: Error) => error.message)).toBe('broken');
  expect(said()).toBe('');
});

const work = fileURLToPath(import.meta.resolve('./progress.double.ts'));
const environment = { HOME: tmpdir(), TERM: 'xterm', PATH: process.env['PATH']! };

test('at a terminal a bar shows how far it is, and is gone at the end', async () => {
  await using terminal = openTerminal([process.execPath, work, '2500'], environment, tmpdir());
  const seen = Bun.stripANSI(await terminal.sees(/\{"done":true\}/));
  expect(seen).toMatch(/Importing: layer \d+/);
  expect(seen).toContain('━');
  expect(await terminal.exited).toBe(0);
}, 90_000);

test('whoever ends it by Ctrl-C gets the exit code of that', async () => {
  await using terminal = openTerminal([process.execPath, work, '60000'], environment, tmpdir());
  await terminal.types('', /layer/);
  await terminal.types('\u0003', /./s);
  expect(await terminal.exited).toBe(130);
}, 90_000);
