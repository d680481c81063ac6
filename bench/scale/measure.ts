import { local, openRaw, type RawConnection } from '../client/raw-client.ts';
import { underLoad } from '../process-figures.ts';
import type { Operation } from './operations.ts';
import type { Registry } from './registry.ts';

/** A registry whose server runs. */
export interface Running extends Registry {
  port: number;
  /** Process of the server; and of the database, where it is one of its own. */
  pids: readonly number[];
}

/** Of one registry in one round (ms): the time from question to answer, and processor time of server and database. */
export interface Cost {
  time: number;
  processor: number;
}

const connections = 4;

/** Repeats an operation for some seconds. */
export async function costOf(operation: Operation, running: Running, seconds: number): Promise<Cost> {
  const open: RawConnection[] = [];
  for (let n = 0; n < connections; n++) open.push(await openRaw(local(running.port)));
  try {
    await repeat(operation, running, open, seconds / 5);
    let count = 0;
    const run = async () => void (count = await repeat(operation, running, open, seconds));
    const cpu = await running.pids.reduceRight<() => Promise<number>>(
      (inner, pid) => async () => {
        let below = 0;
        const { cpuSeconds } = await underLoad(pid, async () => (below = await inner()));
        return cpuSeconds + below;
      },
      async () => run().then(() => 0),
    )();
    return { time: (seconds * 1000 * connections) / count, processor: (cpu * 1000) / count };
  } finally {
    for (const connection of open) connection.close();
  }
}

async function repeat(
  operation: Operation,
  { world }: Running,
  open: readonly RawConnection[],
  seconds: number,
): Promise<number> {
  let count = 0;
  const until = performance.now() + seconds * 1000;
  await Promise.all(
    open.map(async (connection) => {
      do {
        await operation.send(connection, world);
        count++;
      } while (performance.now() < until);
    }),
  );
  return count;
}
