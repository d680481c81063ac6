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
  // A terminal, or whoever ends a whole group of processes, sends them to all: its parent says when it ends.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  watchOwnEnd(timeMs);
  stepBack();
  const answer: InventoryAnswer = await readLayer(tidied(Bun.stdin.stream()), { mediaType, limits });
  await Bun.write(Bun.stdout, JSON.stringify(answer));
  process.exit(0);
}

/** Packed bytes after which garbage is collected. */
const collectBytes = 8 * 1024 * 1024;

/** Pieces of a layer are garbage at once, and collected by themselves only when there are some hundred MiB of them. */
async function* tidied(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const piece of stream) {
    yield piece;
    bytes += piece.length;
    if (bytes < collectBytes) continue;
    Bun.gc(true);
    bytes = 0;
  }
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
