import { join } from 'node:path';
import type { ListenAddress } from '../config/index.ts';
import type { Check } from '../operations/index.ts';
import { isLoopback } from './hosts.ts';

export interface ListenerFacts {
  listen: ListenAddress;
  /** Further ones, by their names. */
  listeners?: readonly { name: string; listen: ListenAddress }[];
  hasTls: boolean;
  publicUrl: string | undefined;
  /** The data directory. */
  data: string;
  /** What stands for the server as a whole. */
  serverId: string;
}

type Heard = Pick<ListenerFacts, 'listen' | 'listeners' | 'hasTls' | 'publicUrl'>;

/** Whether other machines may reach a listener, and nothing says that they speak TLS. */
export function isInTheClear(facts: Heard): boolean {
  return hostsInTheClear(facts).length > 0;
}

function hostsInTheClear({ listen, listeners = [], hasTls, publicUrl }: Heard): string[] {
  if (hasTls || publicUrl?.startsWith('https:')) return [];
  const hosts = [listen, ...listeners.map((one) => one.listen)].map(({ host }) => host);
  return [...new Set(hosts.filter((host) => !isLoopback(host)))];
}

/** How the server is reached. */
export const listenerChecks: readonly Check<ListenerFacts>[] = [
  {
    id: 'public-listener-without-tls',
    severity: 'high',
    title: 'Credentials travel in the clear',
    why:
      'The server listens where other machines reach it, without TLS and without a publicUrl that says that a proxy does ' +
      'it: whoever is on the way reads tokens and passwords, and changes what is pulled. Use a certificate that your ' +
      'clients trust; the command makes one for development.',
    look({ data, serverId, ...heard }) {
      const hosts = hostsInTheClear(heard);
      if (hosts.length === 0) return [];
      const directory = join(data, 'tls');
      return [
        {
          resourceId: serverId,
          problem: `The server listens on ${hosts.join(', ')}, and not by TLS`,
          commands: [['bonded', 'cert', 'dev', '--directory', directory]],
          settings: { 'tls.certificate': join(directory, 'server.crt'), 'tls.key': join(directory, 'server.key') },
        },
      ];
    },
  },
];
