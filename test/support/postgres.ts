import { existsSync, realpathSync, rmSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface TestPostgres {
  /** Of the database `postgres`, as a superuser. */
  readonly url: string;
  /** Ends every session at once, as a crash or a failover does, and starts again on the same port. */
  restart(): Promise<void>;
  /** Ends the server (its clients are cut off) and removes its files. */
  stop(): Promise<void>;
}

/** The directory of PostgreSQL's server programs: where PATH leads, else the newest of Debian's. */
export function findPostgres(): string | undefined {
  const onPath = Bun.which('postgres');
  const versions = [...new Bun.Glob('*/bin/postgres').scanSync({ cwd: '/usr/lib/postgresql', onlyFiles: false })]
    .toSorted((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10))
    .map((path) => join('/usr/lib/postgresql', path));
  return [...(onPath ? [realpathSync(onPath)] : []), ...versions]
    .map((path) => dirname(path))
    .find((directory) => existsSync(join(directory, 'initdb')));
}

/**
 * Starts a throwaway cluster on a free port of the loopback address, which trusts whoever connects.
 * `durable: false` turns fsync off, for tests that are not about durability.
 */
export async function startPostgres({ durable = true } = {}): Promise<TestPostgres> {
  const programs = findPostgres();
  if (!programs) throw new Error('PostgreSQL is not installed');
  const home = await mkdtemp(join(tmpdir(), 'bonded-postgres-'));
  const removeAtExit = () => rmSync(home, { recursive: true, force: true });
  process.on('exit', removeAtExit);
  try {
    const account = await unprivilegedAccount();
    if (account) await chown(home, account.uid, account.gid);
    // PostgreSQL refuses to run as root. The death signal ends it with us, even when we are killed.
    const as = account ? ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'] : [];
    const run = (command: string[]) =>
      Bun.spawn([...as, ...(as.length > 0 ? ['--pdeathsig=QUIT'] : []), ...command], {
        cwd: home,
        env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
        stdin: 'ignore',
        stdout: 'ignore',
        stderr: 'pipe',
      });

    const data = join(home, 'data');
    const initdb = [join(programs, 'initdb'), '-D', data, '-U', 'bonded', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
    const init = run(initdb);
    const complaint = await new Response(init.stderr).text();
    if ((await init.exited) !== 0) throw new Error(`initdb failed: ${complaint}`);

    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200'];
    if (!durable) settings.push('fsync=off', 'full_page_writes=off');
    const flags = settings.flatMap((setting) => ['-c', setting]);
    const start = (port: number) => serving(run([join(programs, 'postgres'), '-D', data, '-p', `${port}`, ...flags]));

    let port = freePort();
    // Somebody else may take the port between our look and the server's bind.
    let server = await start(port).catch(() => start((port = freePort())));
    const quit = async () => {
      server.kill('SIGQUIT');
      await server.exited;
    };
    const quitAtExit = () => server.kill('SIGQUIT');
    process.prependListener('exit', quitAtExit);
    return {
      url: `postgres://bonded@127.0.0.1:${port}/postgres`,
      async restart() {
        await quit();
        server = await start(port);
      },
      async stop() {
        await quit();
        process.off('exit', quitAtExit);
        process.off('exit', removeAtExit);
        await rm(home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    process.off('exit', removeAtExit);
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

type Server = Bun.Subprocess<'ignore', 'ignore', 'pipe'>;

/** Resolves when the server says that it accepts connections; its output is read on, or it would block. */
function serving(server: Server): Promise<Server> {
  return new Promise((resolve, reject) => {
    let log = '';
    void (async () => {
      for await (const text of server.stderr.pipeThrough(new TextDecoderStream())) {
        log = (log + text).slice(-8192);
        if (log.includes('ready to accept connections')) resolve(server);
      }
      await server.exited;
      reject(new Error(`postgres ended before it served: ${log}`));
    })();
  });
}

/** The account to drop to, where we are root. */
async function unprivilegedAccount(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await Bun.file('/etc/passwd').text()).split('\n').map((line) => line.split(':'));
  const found = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody');
  if (!found) throw new Error('neither the account postgres nor nobody exists');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
