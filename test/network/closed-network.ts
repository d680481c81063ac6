import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Output, run } from '../clients/command.ts';
import { program } from '../support/program.ts';
import { startTestProcess, type TestProcess } from '../support/server.ts';
import { makeNamespaces, type Namespace, type Networks } from './namespaces.ts';

export const sites = ['approved', 'rejected', 'public'] as const;
export type Site = (typeof sites)[number];

/** Names of the server in each network, and of its data endpoint. */
export const host = 'registry.test';
const dataHost = `default.local.data.${host}`;
/** Ports of the main listener and of those of private endpoints. */
export const ports = { main: 5000, private: 5001 };

export interface ClosedNetwork extends AsyncDisposable {
  networks: Networks<Site>;
  server: TestProcess;
  /** What an owner does, on the machine of the server: a command, whose outcome is read as JSON. */
  owner(...words: string[]): Promise<unknown>;
  /** Runs a program in a network, with the environment that is given alone. */
  in(site: Namespace, command: readonly string[], environment?: Record<string, string>): Promise<Output>;
}

/**
 * A server in a network of its own whose registry is closed to the public, and clients in three others. From the first of
 * them a private endpoint leads in, from the second one that was rejected, from the third none. Each has IPv4 and IPv6.
 */
export async function startClosedNetwork(settings: Record<string, string> = {}): Promise<ClosedNetwork> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'bonded-networks-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const networks = stack.use(await makeNamespaces(sites, { hosts: [host, dataHost], directory }));
  const { approved, rejected } = networks.clients;
  const file = join(directory, 'bonded.json');
  const listeners = [
    { name: 'approved', listen: `${approved.server.v4}:${ports.private}` },
    { name: 'approved-six', listen: `[${approved.server.v6}]:${ports.private}` },
    { name: 'rejected', listen: `${rejected.server.v4}:${ports.private}` },
    { name: 'rejected-six', listen: `[${rejected.server.v6}]:${ports.private}` },
  ];
  await writeFile(file, JSON.stringify({ network: { listeners, linkHeader: 'X-Bonded-Link' } }));
  const server = stack.use(
    await onSqlite(() =>
      startTestProcess({
        command: [...networks.server.command],
        listen: `[::]:${ports.main}`,
        settings: { domain: host, ...settings },
        environment: { BONDED_CONFIG: file, BONDED_LOG_LEVEL: 'debug' },
      }),
    ),
  );
  const within: ClosedNetwork['in'] = (site, command, environment = {}) =>
    run([...site.command, ...command], { environment });
  const home = join(directory, 'home');
  const owner = async (...words: string[]) => {
    const { stdout } = await within(networks.server, [program, ...words, '-o', 'json'], {
      HOME: home,
      BONDED_DATA: server.data,
      BONDED_SERVER: `127.0.0.1:${ports.main}`,
    });
    return stdout === '' ? undefined : (JSON.parse(stdout) as unknown);
  };
  for (const { name, listen } of listeners) {
    const approve = name.startsWith('approved') ? ['--approve'] : [];
    // By its name, and by its address: both are how an owner may say it.
    const listener = name.endsWith('six') ? listen : name;
    await owner('acr', 'private-endpoint', 'create', '--name', name, '--listener', listener, ...approve);
  }
  for (const name of ['rejected', 'rejected-six']) await owner('acr', 'private-endpoint', 'reject', '--name', name);
  await owner('acr', 'update', '--name', 'default', '--public-network-enabled', 'false');
  const owned = stack.move();
  return { networks, server, owner, in: within, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** From a network of its own no server reaches the PostgreSQL of the tests. */
async function onSqlite<T>(start: () => Promise<T>): Promise<T> {
  const given = process.env['BONDED_TEST_POSTGRES'];
  delete process.env['BONDED_TEST_POSTGRES'];
  try {
    return await start();
  } finally {
    if (given !== undefined) process.env['BONDED_TEST_POSTGRES'] = given;
  }
}
