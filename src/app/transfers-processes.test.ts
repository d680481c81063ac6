import { sharedTransfers } from '../../test/support/shared-transfers.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { workersOf } from '../../test/support/worker-processes.ts';

/* Two processes of one server; on PostgreSQL each of them is a node. */

sharedTransfers(async () => {
  const server = await startTestProcess({ settings: { processes: 2 } });
  return {
    urls: () => [server.url],
    async killOne() {
      const [worker] = await workersOf(server);
      process.kill(worker!, 'SIGKILL');
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});
