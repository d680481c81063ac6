import { join } from 'node:path';
import { managementOf, registry } from '../../test/support/management.ts';
import { exportPath, exports } from '../advisories/components.ts';
import { bonded } from '../peers/bonded.ts';
import { type Peer, startServer } from '../peers/start.ts';
import { run, type Scale } from '../shape.ts';

const program = join(import.meta.dir, '..', '..', 'bin', 'bonded');

/** A server that scans so many images at a time; ended by disposal. */
export async function scanningServer(directory: string, parallel: number): Promise<{ peer: Peer } & AsyncDisposable> {
  const peer = await startServer(bonded('Bonded', `scanning.parallel=${parallel}`), directory);
  return { peer, [Symbol.asyncDispose]: () => peer.stop() };
}

/** Gives a server the advisories of two ecosystems, of one in a brief run, and a policy for `prod/*`. */
export async function fillAdvisories({ url, directory }: Peer, { brief }: Scale): Promise<void> {
  for (const ecosystem of brief ? ['Go'] : exports) {
    const from = ['--from', exportPath(ecosystem), '--ecosystem', ecosystem, '--server', url];
    await run(['env', `BONDED_DATA=${directory}`, program, 'advisories', 'sync', ...from]);
  }
  await managementOf(url).put(`${registry}/admissionPolicies/bench`, {
    repositories: ['prod/*'],
    mode: 'enforce',
    severity: 'High',
    unscanned: 'deny',
  });
}
