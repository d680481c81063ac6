import { readdirSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { readLayer } from '../read-layer.ts';
import { watchOwnEnd } from './own-end.ts';
import type { InventoryAnswer, InventoryOrder } from './protocol.ts';

/**
 * The life of the process that reads a layer: it has no configuration, no credentials and nothing open but its standard
 * streams, gets the bytes, prints what it found, and ends.
 */
export async function runInventory(order: string): Promise<void> {
  const { mediaType, limits, timeMs } = JSON.parse(order) as InventoryOrder;
  watchOwnEnd(timeMs);
  stepBack();
  const answer: InventoryAnswer = await readLayer(Bun.stdin.stream(), { mediaType, limits });
  await Bun.write(Bun.stdout, JSON.stringify(answer));
  process.exit(0);
}

/** Whoever serves goes first, for the processor, and last where the system runs out of memory. */
function stepBack(): void {
  try {
    // A priority is a thread's on Linux; those that come later have it of the one that starts them.
    for (const thread of readdirSync('/proc/self/task'))
      setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Elsewhere the priority is the process's, and there may be no such thing at all.
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  }
}
