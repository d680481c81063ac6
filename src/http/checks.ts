import { join } from 'node:path';
import type { ListenAddress } from '../config/index.ts';
import type { Check } from '../operations/index.ts';
import { isLoopback } from './hosts.ts';

export interface ListenerFacts {
  listen: ListenAddress;
  hasTls: boolean;
  publicUrl: string | undefined;
  /** The data directory. */
  data: string;
  /** What stands for the server as a whole. */
  serverId: string;
}

/** Whether other machines may reach the listener, and nothing says that they speak TLS. */
export function isInTheClear({ listen, hasTls, publicUrl }: Pick<ListenerFacts, 'listen' | 'hasTls' | 'publicUrl'>) {
  return !isLoopback(listen.host) && !hasTls && !publicUrl?.startsWith('https:');
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
    look({ listen, hasTls, publicUrl, data, serverId }) {
      if (!isInTheClear({ listen, hasTls, publicUrl })) return [];
      const directory = join(data, 'tls');
      return [
        {
          resourceId: serverId,
          problem: `The server listens on ${listen.host}, and not by TLS`,
          commands: [['bonded', 'cert', 'dev', '--directory', directory]],
          settings: { 'tls.certificate': join(directory, 'server.crt'), 'tls.key': join(directory, 'server.key') },
        },
      ];
    },
  },
];
