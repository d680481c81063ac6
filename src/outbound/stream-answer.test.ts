import { expect, test } from 'bun:test';
import { createOutbound, type StreamRequest } from './outbound.ts';
import type { OutboundError } from './outbound-error.ts';
import { openRawServer } from './test-servers.double.ts';

const local = createOutbound({ allow: ['localhost'] });
const open = (url: string, more: Partial<StreamRequest> = {}) => local.open(url, { timeoutMs: 30_000, ...more });

async function reasonOf(calling: Promise<unknown>): Promise<string> {
  return calling.then(
    () => 'none',
    (error: OutboundError) => error.reason,
  );
}

const header = (length: number, ...more: string[]) =>
  `HTTP/1.1 200 OK\r\n${[`content-length: ${length}`, ...more].join('\r\n')}\r\n\r\n`;

test('a body comes as it is, with status and headers', async () => {
  await using server = await openRawServer((socket) => socket.end(`${header(5, 'x-a: b')}hello`));
  const answer = await open(server.url);
  expect([answer.status, answer.headers.get('x-a'), await new Response(answer.body).text()]).toEqual([
    200,
    'b',
    'hello',
  ]);
});

test('a body comes no faster than it is read, and not at all once it is cancelled', async () => {
  let sent = 0;
  let over = false;
  const chunk = Buffer.alloc(2 ** 20);
  await using server = await openRawServer((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => (over = true));
    socket.write(header(2 ** 30));
    const send = () => {
      while (sent < 2 ** 30) {
        sent += chunk.byteLength;
        if (!socket.write(chunk)) return void socket.once('drain', send);
      }
    };
    send();
  });
  const answer = await open(server.url);
  const reader = answer.body.getReader();
  await reader.read();
  await Bun.sleep(300);
  // What the system keeps on both sides, and no more.
  expect(sent).toBeLessThan(64 * 2 ** 20);
  await reader.cancel();
  for (const end = Date.now() + 45_000; !over && Date.now() < end;) await Bun.sleep(10);
  expect(over).toBe(true);
});

test('a body that breaks off, or is packed, is no body', async () => {
  await using half = await openRawServer((socket) => socket.end(`${header(10)}hello`));
  expect(await reasonOf(open(half.url).then(({ body }) => new Response(body).text()))).toBe('unreachable');
  await using packed = await openRawServer((socket) => socket.end(`${header(5, 'content-encoding: gzip')}hello`));
  expect(await reasonOf(open(packed.url))).toBe('bad_answer');
});

test('a signal ends what is under way, before the answer and in it', async () => {
  await using silent = await openRawServer(() => {});
  const before = new AbortController();
  const calling = reasonOf(open(silent.url, { signal: before.signal }));
  setTimeout(() => before.abort(), 50);
  expect(await calling).toBe('timed_out');
  await using slow = await openRawServer((socket) => void socket.write(`${header(10)}hello`));
  const inside = new AbortController();
  const { body } = await open(slow.url, { signal: inside.signal });
  const reader = body.getReader();
  await reader.read();
  const reading = reasonOf(reader.read());
  inside.abort();
  expect(await reading).not.toBe('none');
});

test('addresses and redirects are checked as for any other call', async () => {
  expect(await reasonOf(open('http://10.0.0.1/'))).toBe('http_refused');
  expect(await reasonOf(open('https://10.0.0.1/'))).toBe('address_refused');
  await using server = await openRawServer((socket) =>
    socket.end('HTTP/1.1 307 Go\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n'),
  );
  expect(await reasonOf(open(server.url, { maxRedirects: 3 }))).toBe('http_refused');
});

test('so many bodies are open at once as calls are made, and each that ends lets the next one begin', async () => {
  await using server = await openRawServer((socket) => {
    socket.on('error', () => {});
    socket.write(`${header(10)}hello`);
  });
  const all = await Promise.all(Array.from({ length: 32 }, () => open(server.url)));
  expect(await reasonOf(open(server.url, { timeoutMs: 50 }))).toBe('busy');
  await all[0]!.body.cancel();
  const next = await open(server.url);
  for (const { body } of [...all.slice(1), next]) await body.cancel();
});
