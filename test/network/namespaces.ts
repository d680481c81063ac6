import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, toolPath } from '../clients/command.ts';

/*
 * Networks of their own on one machine: a server in one namespace, and clients in others, each on a wire of its own to it.
 * A namespace lives as long as a process that waits for us to end: nothing is left behind, however we end. Whoever is not
 * root gets a user namespace around them.
 *
 *   server  10.77.N.1, fd77:N::1  ──  client N  10.77.N.2, fd77:N::2
 */

const isRoot = process.getuid?.() === 0;
const longestMs = 20_000;
/** Debian has `ip` where only root looks. */
const environment = { PATH: `${toolPath}:/usr/sbin:/sbin` };

export interface Namespace {
  /** What runs a program in it. */
  readonly command: readonly string[];
}

export interface Wire extends Namespace {
  /** Addresses of the server at the other end, and its own. */
  readonly server: { v4: string; v6: string };
  readonly client: { v4: string; v6: string };
}

export interface Networks<Name extends string> extends AsyncDisposable {
  readonly server: Namespace;
  readonly clients: Readonly<Record<Name, Wire>>;
}

/** Whether this machine lets us make namespaces. */
export async function canMakeNamespaces(): Promise<boolean> {
  return run(['unshare', ...outer, 'ip', 'link', 'set', 'lo', 'up'], { environment, limitMs: longestMs }).then(
    () => true,
    () => false,
  );
}

const outer = [...(isRoot ? [] : ['-U', '-r']), '-n', '-m'];

/** Makes the namespaces. `hosts`: names of the server, which mean in each of them its address there. */
export async function makeNamespaces<Name extends string>(
  names: readonly Name[],
  { hosts, directory }: { hosts: readonly string[]; directory: string },
): Promise<Networks<Name>> {
  await using stack = new AsyncDisposableStack();
  const server = await hold(['unshare', ...outer], stack);
  const within = (space: Namespace, words: string) =>
    run([...space.command, ...words.split(' ')], { environment, limitMs: longestMs });
  await within(server, 'ip link set lo up');
  const clients: [Name, Wire][] = [];
  for (const [at, name] of names.entries()) {
    const number = at + 1;
    const space = await hold([...server.command, 'unshare', '-n', '-m'], stack);
    const addresses = (end: number) => ({ v4: `10.77.${number}.${end}`, v6: `fd77:${number}::${end}` });
    const wire = { ...space, server: addresses(1), client: addresses(2) };
    await within(server, `ip link add wire${number} type veth peer name wire netns ${space.pid}`);
    for (const [place, device, { v4, v6 }] of [
      [server, `wire${number}`, wire.server],
      [space, 'wire', wire.client],
    ] as const) {
      await within(place, `ip address add ${v4}/24 dev ${device}`);
      // Without waiting whether somebody else has it.
      await within(place, `ip -6 address add ${v6}/64 dev ${device} nodad`);
      await within(place, `ip link set ${device} up`);
    }
    await within(space, 'ip link set lo up');
    const file = join(directory, `hosts-${name}`);
    const lines = [`127.0.0.1 localhost`, ...hosts.map((host) => `${wire.server.v4} ${host}`)];
    await writeFile(file, `${lines.join('\n')}\n`);
    await within(space, `mount --bind ${file} /etc/hosts`);
    clients.push([name, wire]);
  }
  const owned = stack.move();
  return {
    server,
    clients: Object.fromEntries(clients) as Record<Name, Wire>,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A process that holds a namespace until its standard input ends, as it does when we do. */
async function hold(enter: readonly string[], stack: AsyncDisposableStack): Promise<Namespace & { pid: number }> {
  const child = Bun.spawn([...enter, 'sh', '-c', 'echo $$; exec cat'], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  stack.defer(async () => {
    void child.stdin.end();
    await child.exited;
  });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const pid = Number(new TextDecoder().decode(value));
  if (!(pid > 0)) throw new Error(`a namespace cannot be made: ${await new Response(child.stderr).text()}`);
  const user = isRoot ? [] : ['-U', '--preserve-credentials'];
  // Of another mount namespace it is another folder until somebody goes there.
  const stay = ['sh', '-c', 'cd "$0" && exec "$@"', process.cwd()];
  return { pid, command: ['nsenter', '-t', `${pid}`, ...user, '-n', '-m', ...stay] };
}
