import { expect, test } from 'bun:test';
import { PassThrough } from 'node:stream';
import type { Connection } from './connect.ts';
import { confirm } from './confirm.ts';

/** Somebody at a terminal who presses some keys once they are asked. */
function person(keys: string) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin });
  const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 200, rows: 24 });
  let asked = '';
  stderr.on('data', (chunk: Buffer) => {
    const isFirst = asked === '';
    asked += chunk.toString();
    if (isFirst) setImmediate(() => stdin.write(keys));
  });
  const context = { process: { stdin, stderr, stdout: { isTTY: false } } };
  return { connection: { context } as unknown as Connection, asked: () => Bun.stripANSI(asked) };
}

test.each([
  ['y', 'goes on'],
  ['n', 'nothing was done'],
  ['\r', 'nothing was done'],
  ['\u0003', 'nothing was done'],
])('a person who presses %j: %s', async (keys, wanted) => {
  const { connection, asked } = person(keys);
  const outcome = await confirm(connection, { yes: false }, 'deleting it').then(
    () => 'goes on',
    (error: Error) => error.message,
  );
  expect(outcome).toBe(wanted);
  expect(asked()).toContain('deleting it cannot be undone. Go on?');
});

test('nobody is asked who has said so', async () => {
  const { connection, asked } = person('n');
  await confirm(connection, { yes: true }, 'deleting it');
  expect(asked()).toBe('');
});
