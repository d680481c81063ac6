import { type Catalog, createPullCounter, type PullCounter } from '../catalog/index.ts';
import { startPeriodic } from '../jobs/index.ts';
import { callerOf } from './gates.ts';
import type { Failures } from './background.ts';

/** How often each process writes down what was pulled from it (ms): what a crash loses at most. */
const writtenMs = 5000;

function isEngine(puller: object): boolean {
  const { caller } = puller as { caller?: unknown };
  return caller !== undefined && callerOf(caller).kind === 'scanner';
}

/** Counts pulls in this process. `stop` writes down the rest. */
export function startCounting(
  catalog: Catalog,
  regionOf: ((address: string) => string | undefined) | undefined,
  failed: Failures,
): PullCounter & { stop(): Promise<void> } {
  const counter = createPullCounter(catalog, regionOf);
  const stop = startPeriodic({
    name: 'record-pulls',
    intervalMs: writtenMs,
    isOurs: () => true,
    run: async () => (await counter.write(), false),
    failed: (error) => failed('record-pulls', error),
  });
  return {
    ...counter,
    // What an engine reads to look at it is used by nobody.
    pulled(puller, repositoryId, digest, tag) {
      if (!isEngine(puller)) counter.pulled(puller, repositoryId, digest, tag);
    },
    async stop() {
      await stop();
      await counter.write().catch((error: unknown) => failed('record-pulls', error));
    },
  };
}
