import { expect, test } from 'bun:test';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLineWriter, longestAlone, longestWrite, putInto } from './write-lines.ts';

/** A writer into a file. */
function open() {
  const directory = mkdtempSync(join(tmpdir(), 'bonded-lines-'));
  const path = join(directory, 'log');
  const fd = openSync(path, 'w');
  return {
    fd,
    ...createLineWriter(putInto(fd)),
    text: () => readFileSync(path, 'utf8'),
    [Symbol.dispose]() {
      closeSync(fd);
      rmSync(directory, { recursive: true });
    },
  };
}

test('a line is there when write returns; one that is gathered, when its promise resolves', async () => {
  using lines = open();
  lines.write('one\n');
  expect(lines.text()).toBe('one\n');
  const gathered = [lines.gather('two ü\n'), lines.gather('three\n')];
  expect(lines.text()).toBe('one\n');
  await gathered[0];
  expect(lines.text()).toBe('one\ntwo ü\nthree\n');
  await gathered[1];
});

test('lines stay in the order in which they came, whichever way', async () => {
  using lines = open();
  const first = lines.gather('1\n');
  lines.write('2\n');
  expect(lines.text()).toBe('1\n2\n');
  const last = lines.gather('3\n');
  await Promise.all([first, last]);
  expect(lines.text()).toBe('1\n2\n3\n');
});

test.each([
  ['none of them longer than a pipe keeps whole', longestWrite, 150],
  ['and where one process alone writes, fewer', longestAlone, 10],
])('lines of one turn are few writes, %s', async (_name, most, count) => {
  const writes: string[] = [];
  const { gather } = createLineWriter((text) => void writes.push(text), most);
  const lines = Array.from({ length: 200 }, (_, n) => `${n}${'é'.repeat(50 * (n % 40))}\n`);
  await Promise.all(lines.map(gather));
  expect(writes.join('')).toBe(lines.join(''));
  expect(writes.length).toBeLessThan(count);
  for (const text of writes) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(most);
  expect(writes.every((text) => text.endsWith('\n'))).toBe(true);
});

test('what cannot be written is told to whoever waits for it', async () => {
  const lines = open();
  lines[Symbol.dispose]();
  const [one, other] = await Promise.allSettled([lines.gather('1\n'), lines.gather('2\n')]);
  expect([one.status, other.status]).toEqual(['rejected', 'rejected']);
  expect(() => lines.write('3\n')).toThrow();
});

test('where nobody reads any more, lines are dropped and the program goes on', async () => {
  const program = `import { createLineWriter, longestAlone, longestWrite, putInto } from './write-lines.ts';
    const { write, gather } = createLineWriter(putInto(1));
    for (let n = 0; n < 3000; n++) write('x'.repeat(1000) + '\\n');
    await gather('the last\\n');
    process.stderr.write('went on');`;
  const child = Bun.spawn([process.execPath, '-e', program], {
    cwd: import.meta.dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(await new Response(child.stderr).text()).toBe('went on');
  expect(await child.exited).toBe(0);
});

test('a line whose beginning alone was written is not the beginning of the next one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bonded-torn-'));
  const file = join(folder, 'log');
  // A file that may not become longer is what a full disk is.
  const program = `import { openSync, truncateSync } from 'node:fs';
    import { putInto } from './write-lines.ts';
    process.on('SIGXFSZ', () => {});
    const put = putInto(openSync(process.argv[1], 'a'));
    put('x'.repeat(1000) + '\\n');
    let failures = 0;
    for (let n = 0; n < 3; n++) try { put('y'.repeat(1000) + '\\n'); } catch { failures++; }
    truncateSync(process.argv[1], 1010);
    put('z\\n');
    process.stderr.write(String(failures));`;
  const command = `ulimit -f 2; exec "$0" -e "$1" "$2"`;
  const child = Bun.spawn(['bash', '-c', command, process.execPath, program, file], {
    cwd: import.meta.dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  expect(await new Response(child.stderr).text()).toBe('2');
  expect(readFileSync(file, 'utf8').split('\n')).toEqual(['x'.repeat(1000), 'y'.repeat(9), 'z', '']);
  rmSync(folder, { recursive: true });
});
