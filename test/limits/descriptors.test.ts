import { expect, test } from 'bun:test';
import { connect, type Socket } from 'node:net';
import { asOperator, openRaw, requestText } from '../http/raw.ts';
import { pushImage } from '../http/registry.ts';
import { startTestProcess } from '../support/server.ts';

const able = process.platform === 'linux' && (Bun.which('prlimit') !== null || process.env['CI'] === 'true');
if (!able) console.warn('skipped: prlimit is not installed');

test.skipIf(!able)(
  'more connections than it may have open files: who is idle is closed, and whoever waited is served',
  async () => {
    const command = ['prlimit', '--nofile=100:100'];
    await using server = await startTestProcess({ database: '', command, settings: { idleTimeout: '4s' } });
    const image = await pushImage(server.url, 'team/app', 'latest');
    const port = Number(new URL(server.url).port);
    const idle: Socket[] = [];
    let answered = 0;
    let closed = 0;
    for (let count = 0; count < 200; count++) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      // A connection that says nothing does not even get as far as a descriptor (TCP_DEFER_ACCEPT).
      socket.write(asOperator(server.url, requestText('GET', '/v2/')));
      socket.once('data', () => answered++);
      socket.on('close', () => closed++);
      idle.push(socket);
    }
    for (const until = Date.now() + 45_000; answered < 70 && Date.now() < until;) await Bun.sleep(10);
    expect(answered).toBeWithin(70, 100);
    // It waits in the queue of the kernel, behind the others.
    using late = await openRaw(port);
    const target = `/v2/team/app/blobs/${image.layerDigest}`;
    late.socket.write(asOperator(server.url, requestText('GET', target, ['Host: localhost', 'Connection: close'])));
    const text = await late.until((received) => received.includes('\r\n\r\n'), 45_000);
    expect(text.split('\r\n')[0]).toBe('HTTP/1.1 200 OK');
    expect(closed).toBeGreaterThan(50);
    for (const socket of idle) socket.destroy();
    await pushImage(server.url, 'team/app', 'after');
    expect(server.process.exitCode).toBeNull();
  },
  90_000,
);
