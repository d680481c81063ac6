import { expect, test } from 'bun:test';
import { heapStats } from 'bun:jsc';
import { readQuery } from './query.ts';

test('a query that has come is not read again', () => {
  const text = 'service=registry.test&scope=repository:a:pull&scope=repository:b:push%20registry:management:*';
  const read = readQuery(text);
  expect(read.service).toBe('registry.test');
  expect(read.asked).toMatchObject({
    manages: true,
    text: 'repository:a:pull repository:b:push registry:management:*',
  });
  expect(read.asked.scopes.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(readQuery(text)).toBe(read);
  expect(readQuery(`${text}&`)).not.toBe(read);
});

test('what is wrong is wrong each time', () => {
  for (let times = 0; times < 2; times++) {
    expect(() => readQuery('service=a&service=b')).toThrow('comes more than once');
  }
});

test('what nobody asks for again is not kept for ever, and long queries not at all', async () => {
  const long = `scope=repository:${'x'.repeat(200)}:pull&scope=repository:${'y'.repeat(300)}:pull`;
  expect(readQuery(long)).not.toBe(readQuery(long));
  const first = 'scope=repository:first:pull';
  const read = readQuery(first);
  const fill = (from: number) => {
    for (let n = from; n < from + 20_000; n++) readQuery(`scope=repository:r${n}:pull&account=${'z'.repeat(400)}`);
  };
  fill(0);
  expect(readQuery(first)).not.toBe(read);
  expect(readQuery(first)).toEqual(read);
  Bun.gc(true);
  const before = heapStats().objectCount;
  fill(20_000);
  const more = () => {
    Bun.gc(true);
    return heapStats().objectCount - before;
  };
  // A collection that had begun before it all became garbage leaves it to the next one.
  for (let tries = 0; tries < 50 && more() >= 10_000; tries++) await Bun.sleep(20);
  expect(more()).toBeLessThan(10_000);
});
