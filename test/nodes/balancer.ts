import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const nginx = Bun.which('nginx') ?? Bun.which('nginx', { PATH: '/usr/sbin' });

export interface Balancer extends AsyncDisposable {
  readonly url: string;
  /** Sends nothing to this node any more, as the guide has it done before a restart; undefined: to all again. */
  takeOut(host: string | undefined): Promise<void>;
}

/** nginx in front of nodes, as the guide sets it up. */
export async function startBalancer(hosts: readonly string[]): Promise<Balancer> {
  const port = freePort();
  const directory = await mkdtemp(join(tmpdir(), 'bonded-nginx-'));
  const file = join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory};`,
  );
  await writeFile(
    file,
    `daemon off; ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; pid ${directory}/pid; error_log stderr crit; events { worker_connections 1024; }
     http { access_log off; ${temporary.join(' ')} ${await guideConfiguration(port, hosts)} }`,
  );
  // The death signal ends it with us, even when we are killed; and it ends what it started.
  const command = ['setpriv', '--pdeathsig=TERM', nginx!, '-p', directory, '-c', file];
  const proxy = Bun.spawn(command, { stdout: 'ignore', stderr: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (const until = Date.now() + 45_000; ; await Bun.sleep(20)) {
    if ((await fetch(`${url}/readyz`).catch(() => undefined))?.ok) break;
    if (Date.now() > until) throw new Error('nginx did not start');
  }
  return {
    url,
    async takeOut(host) {
      const all = (await Bun.file(file).text()).replaceAll(' down;', ';');
      await writeFile(file, host === undefined ? all : all.replace(new RegExp(`server ${host} [^;]*`), '$& down'));
      const before = await workersOf(proxy.pid);
      proxy.kill('SIGHUP');
      // Connections that the new worker accepts are by the new configuration; the old one accepts no more.
      for (const until = Date.now() + 45_000; ; await Bun.sleep(20)) {
        if ((await workersOf(proxy.pid)).some((worker) => !before.includes(worker))) break;
        if (Date.now() > until) throw new Error('nginx did not take its new configuration');
      }
      await Bun.sleep(300);
    },
    async [Symbol.asyncDispose]() {
      proxy.kill('SIGTERM');
      await proxy.exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function workersOf(pid: number): Promise<string[]> {
  return (await Bun.file(`/proc/${pid}/task/${pid}/children`).text()).split(' ').filter(Boolean);
}

/** The configuration that the guide gives, without what belongs to the reader's machines. */
async function guideConfiguration(listen: number, hosts: readonly string[]): Promise<string> {
  const guide = await Bun.file(join(import.meta.dir, '../../docs/guides/many-nodes.md')).text();
  const block = /```nginx\n([\s\S]*?)```/.exec(guide)![1]!;
  return block
    .replace('listen 443 ssl;', `listen 127.0.0.1:${listen};`)
    .replace(/^ *ssl_.*\n/gm, '')
    .replaceAll(/^( *)server \S+:5000(.*)\n/gm, '')
    .replace(
      /(upstream \w+ \{\n)/,
      `$1${hosts.map((host) => `    server ${host} max_fails=1 fail_timeout=1s;\n`).join('')}`,
    );
}

function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
