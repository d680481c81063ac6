import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Subprocess } from 'bun';

export type PeerName = 'bonded' | 'docker-registry' | 'nginx';

export interface Peer {
  name: PeerName;
  /** Such as `http://127.0.0.1:40123`. */
  url: string;
  port: number;
  pid: number;
  /** Ends it as told and waits until it is gone. */
  stop(): Promise<void>;
}

const root = join(import.meta.dir, '..');
const startsWithinMs = 20_000;

/** How each is started on a directory of its own; again on the same directory, it finds what it had. */
const starters: Record<PeerName, (directory: string, port: number) => string[]> = {
  bonded: (directory, port) => [
    join(root, 'bin', 'bonded'),
    'serve',
    `--listen=127.0.0.1:${port}`,
    `--data=${directory}`,
    '--log-level=warn',
  ],
  'docker-registry': (directory, port) => {
    const file = `${directory}.yml`;
    // As its own documentation configures it, with the cache of blob descriptors, and without a line for each request.
    writeFileSync(
      file,
      `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  cache: { blobdescriptor: inmemory }
  filesystem: { rootdirectory: ${directory} }
  delete: { enabled: true }
http: { addr: "127.0.0.1:${port}" }
`,
    );
    return ['docker-registry', 'serve', file];
  },
  nginx: (directory, port) => {
    const file = `${directory}.conf`;
    for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'])
      mkdirSync(`${directory}.tmp/${name}`, { recursive: true });
    writeFileSync(
      file,
      `daemon off; worker_processes auto; pid ${directory}.pid; error_log stderr error;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  client_body_temp_path ${directory}.tmp/body; proxy_temp_path ${directory}.tmp/proxy;
  fastcgi_temp_path ${directory}.tmp/fastcgi; uwsgi_temp_path ${directory}.tmp/uwsgi; scgi_temp_path ${directory}.tmp/scgi;
  default_type application/vnd.oci.image.manifest.v1+json;
  server { listen 127.0.0.1:${port}; root ${directory}; }
}
`,
    );
    return [nginxProgram() ?? 'nginx', '-c', file, '-p', directory, '-e', 'stderr'];
  },
};

/** Debian keeps nginx where only root looks. */
function nginxProgram(): string | null {
  return Bun.which('nginx') ?? Bun.which('nginx', { PATH: '/usr/sbin:/usr/local/sbin' });
}

export function isInstalled(name: PeerName): boolean {
  if (name === 'bonded') return true;
  return (name === 'nginx' ? nginxProgram() : Bun.which(name)) !== null;
}

export function versionOf(name: PeerName): string {
  const commands: Record<PeerName, string[]> = {
    bonded: [join(root, 'bin', 'bonded'), '--version'],
    'docker-registry': ['docker-registry', '--version'],
    nginx: [nginxProgram() ?? 'nginx', '-v'],
  };
  const { stdout, stderr } = Bun.spawnSync(commands[name]);
  return `${stdout}${stderr}`.trim().split('\n')[0]!;
}

/** Starts one and resolves when it accepts connections. */
export async function startPeer(name: PeerName, directory: string): Promise<Peer> {
  const { port, child } = launch(name, directory);
  const until = Date.now() + startsWithinMs;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`${name} did not start`);
    }
    await Bun.sleep(5);
  }
  return { name, port, url: `http://127.0.0.1:${port}`, pid: child.pid, stop: () => stop(child) };
}

/** Starts one and returns at once: for whoever measures how long that takes. */
export function launch(name: PeerName, directory: string): { port: number; child: Subprocess; stop(): Promise<void> } {
  mkdirSync(directory, { recursive: true });
  const port = freePort();
  const child = Bun.spawn(starters[name](directory, port), {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
    stdio: ['ignore', 'ignore', process.env['BONDED_BENCH_LOG'] ? 'inherit' : 'ignore'],
  });
  running.add(child);
  void child.exited.then(() => running.delete(child));
  return { port, child, stop: () => stop(child) };
}

const running = new Set<Subprocess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

async function stop(child: Subprocess): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5000);
  await child.exited;
  clearTimeout(late);
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
