import { describe } from 'bun:test';
import { sharedTransfers } from '../support/shared-transfers.ts';
import { canCluster, startCluster } from './cluster.ts';

describe.skipIf(!canCluster)('two nodes', () => {
  sharedTransfers(async () => {
    const cluster = await startCluster();
    const alive = [...cluster.nodes];
    return {
      urls: () => alive.map(({ url }) => url),
      killOne: () => alive.shift()!.kill(),
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    };
  });
});
