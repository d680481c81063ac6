import { bonded, bondedBinary } from './bonded.ts';
import { distribution } from './distribution.ts';
import { nginx } from './nginx.ts';
import type { Server } from './server.ts';
import { zot } from './zot.ts';

/**
 * Every server that can be measured, by the name that shapes and targets use. A variation of Bonded is a further entry
 * with settings of its own; the shapes that it matters to list it among their contenders.
 */
const servers = {
  bonded: bonded('Bonded'),
  'bonded ×2': bonded('Bonded, 2 processes', 'processes=2'),
  'bonded open': bonded('Bonded, open to everybody'),
  'bonded binary': bondedBinary('Bonded, compiled'),
  'docker-registry': distribution('docker-registry'),
  registry: distribution('registry'),
  zot,
  nginx,
} satisfies Record<string, Server>;

export type PeerName = keyof typeof servers;

/** What a disk and a processor can do without any server, by what does it. */
const without = {
  tools: '`openssl dgst`, then `dd conv=fsync`',
  signatures: 'bare ES256 signatures, one core',
  archivers: '`gzip -dc` or `zstd -dc`, then `tar -t`',
} as const;

/** Servers, and what is measured without one. */
export type Contender = PeerName | keyof typeof without;

export function isServer(name: Contender): name is PeerName {
  return !(name in without);
}

export const peerNames = Object.keys(servers) as PeerName[];

/** The registries that Bonded is measured beside. */
export const registries = ['docker-registry', 'registry', 'zot'] as const;

/** The same target beside each of them. */
export function besideRegistries(ratio: number): Partial<Record<Contender, number>> {
  return Object.fromEntries(registries.map((name) => [name, ratio]));
}

/** Peers that no package manager brings. */
export const builtFromSource: ReadonlySet<Contender> = new Set(['registry', 'zot']);

export function serverOf(name: PeerName): Server {
  return servers[name];
}

export function titleOf(name: Contender): string {
  return isServer(name) ? servers[name].title : without[name];
}

export function isInstalled(name: Contender): boolean {
  return !isServer(name) || serverOf(name).program() !== null;
}

/** Undefined where it is not installed. */
export function versionOf(name: PeerName): string | undefined {
  const server = serverOf(name);
  const program = server.program();
  return program === null ? undefined : server.version(program);
}
