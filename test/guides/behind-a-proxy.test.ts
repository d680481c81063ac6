import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../src/oci/index.ts';
import { fetch } from '../http/fetch.ts';
import { knownFront } from '../support/credentials.ts';
import { startTestApp } from '../support/server.ts';

const nginx = Bun.which('nginx') ?? Bun.which('nginx', { PATH: '/usr/sbin' });

/** The configuration that the guide gives, without what belongs to the reader's machine. */
async function guideConfiguration(listen: number, upstream: string): Promise<string> {
  const guide = await Bun.file(join(import.meta.dir, '../../docs/guides/behind-a-proxy.md')).text();
  const block = /```nginx\n([\s\S]*?)```/.exec(guide)![1]!;
  return block
    .replace('listen 443 ssl;', `listen 127.0.0.1:${listen};`)
    .replace(/^ *ssl_.*\n/gm, '')
    .replace('http://127.0.0.1:5000', upstream);
}

async function freePort(): Promise<number> {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

test.skipIf(!nginx && !process.env['CI'])(
  'lesson 18: a large push and a pull go through nginx as the guide sets it up',
  async () => {
    await using server = await startTestApp({
      settings: { trustedProxies: '127.0.0.1', hosts: 'registry.example.com' },
    });
    const directory = await mkdtemp(join(tmpdir(), 'bonded-nginx-'));
    const port = await freePort();
    const file = join(directory, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${directory};`,
    );
    await writeFile(
      file,
      `daemon off; master_process off; pid ${directory}/pid; error_log stderr error; events {}
       http { access_log off; ${temporary.join(' ')} ${await guideConfiguration(port, server.url)} }`,
    );
    const proxy = Bun.spawn([nginx!, '-p', directory, '-c', file], { stdout: 'ignore', stderr: 'pipe' });
    const base = `http://127.0.0.1:${port}`;
    using fronts = new DisposableStack();
    fronts.use(knownFront(base, server.url));
    const headers = { Host: 'registry.example.com' };
    try {
      for (const until = Date.now() + 45_000; Date.now() < until; await Bun.sleep(20)) {
        if ((await fetch(`${base}/readyz`).catch(() => undefined))?.ok) break;
      }
      const bytes = randomBytes(50_000_000);
      const opened = await fetch(`${base}/v2/app/blobs/uploads/`, { method: 'POST', headers });
      expect(opened.status).toBe(202);
      const location = opened.headers.get('location')!;
      expect(location).toStartWith('/v2/');
      const patched = await fetch(base + location, { method: 'PATCH', headers, body: bytes });
      expect(patched.status).toBe(202);
      const digest = digestOf(bytes);
      const closed = await fetch(`${base}${location}?digest=${digest}`, { method: 'PUT', headers });
      expect(closed.status).toBe(201);
      const pulled = await fetch(`${base}/v2/app/blobs/${digest}`, { headers });
      expect(digestOf(new Uint8Array(await pulled.arrayBuffer()))).toBe(digest);
    } finally {
      proxy.kill('SIGKILL');
      await proxy.exited;
      await rm(directory, { recursive: true, force: true });
    }
  },
  60_000,
);
