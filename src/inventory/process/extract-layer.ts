import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import type { BunFile } from 'bun';
import { readBounded } from '../../memory/index.ts';
import type { LayerInventory } from '../layer-inventory.ts';
import { defaultProcessLimits, type LayerLimits, type ProcessLimits } from '../limits.ts';
import { parseAnswer } from './parse-answer.ts';
import { inventoryCommand, type InventoryOrder } from './protocol.ts';
import { residentBytes } from './resident-bytes.ts';

export interface ExtractOptions {
  /** Of the layer's descriptor. */
  mediaType: string;
  signal: AbortSignal;
  limits?: Partial<LayerLimits & ProcessLimits>;
  /** What is started in place of this program, by tests. */
  program?: readonly string[];
}

export type Extraction =
  | { ok: true; inventory: LayerInventory }
  | {
      ok: false;
      /** `refused`: what it found is more than is kept. */
      reason: 'crashed' | 'timeout' | 'memory' | 'refused';
      /** For whoever asks what became of the image. */
      detail: string;
      /** What the process printed as it ended, cut: for the log alone. */
      said: string;
    };

/** How often memory is looked at (ms): at most some hundred MiB are written meanwhile. */
const watchMs = 50;
const saidLength = 4096;

/**
 * Reads a layer in a process of its own: it has neither environment nor configuration, gets the bytes through its standard
 * input, is last in line for the processor, and is ended at its limits. Whatever the layer makes of that process is a result.
 * Of a file all of it is read, whichever slice of it is given. Throws where the bytes cannot be had, or `signal` is aborted.
 */
export async function extractLayer(
  source: BunFile | ReadableStream<Uint8Array>,
  { mediaType, signal, limits: some, program = thisProgram() }: ExtractOptions,
): Promise<Extraction> {
  signal.throwIfAborted();
  const { timeMs, memoryBytes, outputBytes, ...layerLimits } = { ...defaultProcessLimits, ...some };
  // It ends by itself only where nobody else ends it.
  const order: InventoryOrder = { mediaType, limits: layerLimits, timeMs: timeMs + 5000 };
  const child = Bun.spawn([...program, inventoryCommand, JSON.stringify(order)], {
    env: {},
    cwd: '/',
    stdin: source instanceof ReadableStream ? 'pipe' : source,
    stdout: 'pipe',
    stderr: 'pipe',
  });
  stepBack(child.pid);
  let ended: { reason: 'timeout' | 'memory' | 'refused'; detail: string } | undefined;
  const end = (reason: 'timeout' | 'memory' | 'refused', detail: string): void => {
    ended ??= { reason, detail };
    child.kill('SIGKILL');
  };
  const deadline = setTimeout(() => end('timeout', `it was not read within ${timeMs / 1000} s`), timeMs);
  const watch = setInterval(() => {
    const bytes = residentBytes(child.pid);
    if (bytes !== undefined && bytes > memoryBytes)
      end('memory', `reading it took more than ${memoryBytes} bytes of memory`);
  }, watchMs);
  const abort = (): void => child.kill('SIGKILL');
  signal.addEventListener('abort', abort);
  try {
    const sent = source instanceof ReadableStream ? send(source, child.stdin as Bun.FileSink, signal) : undefined;
    sent?.catch(() => child.kill('SIGKILL'));
    const said = firstText(child.stderr);
    const printed = await readBounded(child.stdout, outputBytes, () =>
      end('refused', `its inventory has more than ${outputBytes} bytes`),
    );
    const code = await child.exited;
    await sent;
    signal.throwIfAborted();
    if (ended) return { ok: false, ...ended, said: await said };
    const inventory = code === 0 ? parseAnswer(printed) : undefined;
    if (inventory) return { ok: true, inventory };
    const how = child.signalCode ? `by ${child.signalCode}` : code === 0 ? 'without an inventory' : `with code ${code}`;
    return { ok: false, reason: 'crashed', detail: `the process that read it ended ${how}`, said: await said };
  } finally {
    clearTimeout(deadline);
    clearInterval(watch);
    signal.removeEventListener('abort', abort);
    child.kill('SIGKILL');
  }
}

/** From its first instruction on: threads that it makes have the priority of the one that makes them. */
function stepBack(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already.
  }
}

/** The same executable; in a checkout with its first file, and with nothing that lies in a directory by chance. */
function thisProgram(): string[] {
  if (Bun.isStandaloneExecutable) return [process.execPath];
  return [process.execPath, '--config=/dev/null', '--no-env-file', join(import.meta.dir, '..', '..', 'main.ts')];
}

/** Rejects where the bytes could not be had; what the other end does with them is told by how it ends. */
async function send(source: ReadableStream<Uint8Array>, into: Bun.FileSink, signal: AbortSignal): Promise<void> {
  const reader = source.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) break;
      try {
        void into.write(value);
        await into.flush();
      } catch {
        break;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
    try {
      await into.end();
    } catch {
      // It is gone.
    }
  }
}

/** All is read, so that nothing waits for it, and little is kept. */
async function firstText(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = '';
  for await (const piece of stream) {
    if (text.length < saidLength) text += Buffer.from(piece.subarray(0, saidLength)).toString();
  }
  return text.slice(0, saidLength);
}
