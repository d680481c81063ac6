import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bonded } from '../support/command.ts';

const folder = join(import.meta.dir, '..', '..', 'deploy', 'haproxy');
const readyWithinMs = 20_000;

export interface Haproxy extends AsyncDisposable {
  /** Of the public, and of the balancer of private links. */
  ports: { public: number; private: number };
  /** The certificate by which it is known. */
  ca: string;
}

/** HAProxy with the configuration of deploy/haproxy, in front of a server; only one address is a balancer to it. */
export async function startHaproxy(server: string, balancer = '127.0.0.2'): Promise<Haproxy> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'bonded-haproxy-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const made = await bonded(['cert', 'dev', '--directory', directory]);
  if (made.code !== 0) throw new Error(made.error);
  const [certificate, key] = await Promise.all(
    ['server.crt', 'server.key'].map((name) => readFile(join(directory, name), 'utf8')),
  );
  const pem = join(directory, 'server.pem');
  await writeFile(pem, `${certificate}${key}`, { mode: 0o600 });
  const ports = { public: freePort(), private: freePort() };
  const child = Bun.spawn(['haproxy', '-db', '-f', join(folder, 'private-link.cfg')], {
    env: {
      PATH: `${process.env['PATH'] ?? ''}:/usr/sbin`,
      LUA: join(folder, 'private-link.lua'),
      CERTIFICATE: pem,
      PUBLIC: `127.0.0.1:${ports.public}`,
      PRIVATE: `127.0.0.1:${ports.private}`,
      LINKS: `bonded-links-${ports.private}`,
      BALANCER: balancer,
      BONDED: server,
    },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  stack.defer(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  const ca = await readFile(join(directory, 'ca.crt'), 'utf8').catch(() => certificate!);
  const url = `https://localhost:${ports.public}/healthz`;
  for (const until = Date.now() + readyWithinMs; ; await Bun.sleep(50)) {
    const answer = await fetch(url, { tls: { ca } }).catch(() => undefined);
    if (answer?.status === 200) break;
    if (child.exitCode !== null || Date.now() > until) throw new Error(await new Response(child.stderr).text());
  }
  const owned = stack.move();
  return { ports, ca, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function freePort(): number {
  const free = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  free.stop(true);
  return free.port;
}
