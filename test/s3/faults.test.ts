import { expect, test } from 'bun:test';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type Fault, faults, startS3Faults } from '../support/s3-faults.ts';

async function eventually(condition: () => boolean): Promise<void> {
  const until = Date.now() + 45_000;
  while (!condition()) {
    if (Date.now() > until) throw new Error('not within 45 s');
    await Bun.sleep(5);
  }
}

test('a client that goes away in the middle, of its request or of the answer, is no failure of the proxy', async () => {
  const body = 'x'.repeat(1_000_000);
  let whole = 0;
  using target = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if ((await request.text()).length === body.length) whole++;
      return new Response(body);
    },
  });
  let fault: Fault | undefined;
  await using proxy = await startS3Faults(target.url.href, () => fault);
  for (fault of [undefined, ...faults]) {
    for (const sent of [10, body.length]) {
      const seen = proxy.requests.length;
      const socket = connect(Number(new URL(proxy.endpoint).port), '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(`PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, sent)}`);
      await eventually(() => proxy.requests.length > seen);
      socket.resetAndDestroy();
    }
    await eventually(() => proxy.open() === 0);
  }
  const late = whole;
  fault = 'late';
  await expect(fetch(`${proxy.endpoint}/x`, { method: 'PUT', body })).rejects.toThrow();
  await eventually(() => whole > late && proxy.open() === 0);
  fault = undefined;
  expect((await (await fetch(`${proxy.endpoint}/x`)).text()).length).toBe(body.length);
});
