import { constants, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import type { BunFile } from 'bun';
import type { LayerInventory } from '../layer-inventory.ts';
import { defaultProcessLimits, type LayerLimits, type ProcessLimits } from '../limits.ts';
import { parseAnswer } from './parse-answer.ts';
import { frameOf, inventoryCommand, type InventoryOrder, pieceBytes } from './protocol.ts';
import { residentBytes } from './resident-bytes.ts';

/** The bytes of a layer: of a file all of it is read, whichever slice of it is given. */
export type LayerBytes = BunFile | ReadableStream<Uint8Array>;

export interface ReadOptions {
  /** Of the layer's descriptor. */
  mediaType: string;
  signal: AbortSignal;
  limits?: Partial<LayerLimits & ProcessLimits> | undefined;
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

/** A process that reads layers, one at a time. */
export interface ReaderProcess {
  /**
   * Whatever the layer makes of the process is a result; what is none ends it. Throws where the bytes cannot be had, or
   * `signal` is aborted, which ends it, too.
   */
  read(source: LayerBytes, options: ReadOptions): Promise<Extraction>;
  /** Whether it may read another layer. */
  isFit(): boolean;
  /** Memory that it has (RSS, bytes), where that is known. */
  memory(): number | undefined;
  end(): void;
  readonly ended: Promise<unknown>;
}

/** How often memory is looked at while a layer is read (ms): at most some hundred MiB are written meanwhile. */
const watchMs = 50;
const saidLength = 4096;

/** What is awaited of it. */
interface Awaited {
  /** The next line that it prints; undefined where it ended before. */
  line(text: string | undefined): void;
  mostBytes: number;
  tooMuch(): void;
}

/**
 * Starts a process that reads layers: it has neither environment nor configuration, is last in line for the processor, and is
 * ended at the limits of a layer. `program` is what is started in place of this one, by tests.
 */
export function startReader(program: readonly string[] = thisProgram()): ReaderProcess {
  const child = Bun.spawn([...program, inventoryCommand], {
    env: {},
    cwd: '/',
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  stepBack(child.pid);
  let isGood = true;
  let said = '';
  let awaited: Awaited | undefined;
  const kill = (): void => {
    isGood = false;
    child.kill('SIGKILL');
  };
  const printed = eachLine(child.stdout, () => awaited, kill);
  const complained = eachPiece(child.stderr, (piece) => {
    // All is read, so that nothing waits for it, and little is kept.
    if (said.length < saidLength) said += Buffer.from(piece.subarray(0, saidLength)).toString();
  });
  const ended = Promise.all([child.exited, printed, complained]).then(() => {
    isGood = false;
    awaited?.line(undefined);
  });

  async function read(source: LayerBytes, { mediaType, signal, limits: some }: ReadOptions): Promise<Extraction> {
    signal.throwIfAborted();
    const { timeMs, memoryBytes, outputBytes, ...limits } = { ...defaultProcessLimits, ...some };
    let reached: { reason: 'timeout' | 'memory' | 'refused'; detail: string } | undefined;
    const end = (reason: 'timeout' | 'memory' | 'refused', detail: string): void => {
      reached ??= { reason, detail };
      kill();
    };
    const deadline = setTimeout(() => end('timeout', `it was not read within ${timeMs / 1000} s`), timeMs);
    const watch = setInterval(() => {
      if ((residentBytes(child.pid) ?? 0) > memoryBytes)
        end('memory', `reading it took more than ${memoryBytes} bytes of memory`);
    }, watchMs);
    signal.addEventListener('abort', kill);
    said = '';
    try {
      const { promise: answered, resolve: line } = Promise.withResolvers<string | undefined>();
      const tooMuch = () => end('refused', `its inventory has more than ${outputBytes} bytes`);
      awaited = { line, mostBytes: outputBytes, tooMuch };
      if (!isGood) line(undefined);
      // It ends by itself only where nobody else ends it.
      const sent = send(child.stdin, source, { mediaType, limits, timeMs: timeMs + 5000 }, signal);
      sent.catch(kill);
      const text = await answered;
      if (text === undefined) await ended;
      await sent;
      signal.throwIfAborted();
      if (reached) return { ok: false, ...reached, said: said.slice(0, saidLength) };
      const answer = text === undefined ? undefined : parseAnswer(text);
      if (answer && 'unreadable' in answer)
        throw new Error(`the file of the layer cannot be read: ${answer.unreadable}`);
      if (answer) return { ok: true, inventory: answer };
      kill();
      const how =
        text !== undefined || child.exitCode === 0
          ? 'without an inventory'
          : child.signalCode
            ? `by ${child.signalCode}`
            : `with code ${child.exitCode}`;
      const detail = `the process that read it ended ${how}`;
      return { ok: false, reason: 'crashed', detail, said: said.slice(0, saidLength) };
    } finally {
      awaited = undefined;
      clearTimeout(deadline);
      clearInterval(watch);
      signal.removeEventListener('abort', kill);
      if (signal.aborted) kill();
    }
  }

  return { read, isFit: () => isGood, memory: () => residentBytes(child.pid), end: kill, ended };
}

/** From its first instruction on: threads that it makes have the priority of the one that makes them. */
function stepBack(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
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
async function send(into: Bun.FileSink, source: LayerBytes, order: InventoryOrder, signal: AbortSignal): Promise<void> {
  const write = async (bytes: Uint8Array): Promise<boolean> => {
    try {
      void into.write(frameOf(bytes));
      await into.flush();
      return true;
    } catch {
      // It is gone.
      return false;
    }
  };
  const text = (value: InventoryOrder) => new TextEncoder().encode(JSON.stringify(value));
  if (!(source instanceof ReadableStream)) {
    await write(text({ ...order, path: resolve(source.name!) }));
    return;
  }
  const reader = source.getReader();
  try {
    let isThere = await write(text(order));
    while (isThere) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) break;
      for (let at = 0; isThere && at < value.length; at += pieceBytes) {
        isThere = await write(value.subarray(at, at + pieceBytes));
      }
    }
    if (isThere && !signal.aborted) await write(new Uint8Array());
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function eachPiece(stream: ReadableStream<Uint8Array>, take: (piece: Uint8Array) => void): Promise<void> {
  try {
    for await (const piece of stream) take(piece);
  } catch {
    // How it ends says enough.
  }
}

/** Tells of lines to whoever awaits one. What nobody has asked for is no answer: then it has read its last layer. */
async function eachLine(
  stream: ReadableStream<Uint8Array>,
  awaited: () => Awaited | undefined,
  unasked: () => void,
): Promise<void> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  await eachPiece(stream, (piece) => {
    const to = awaited();
    const end = piece.indexOf(0x0a);
    if (!to) return unasked();
    length += piece.length;
    if (length > to.mostBytes) {
      [pieces, length] = [[], 0];
      return to.tooMuch();
    }
    pieces.push(end < 0 ? piece : piece.subarray(0, end));
    if (end < 0) return;
    const text = Buffer.concat(pieces).toString();
    [pieces, length] = [[], 0];
    if (end + 1 < piece.length) unasked();
    to.line(text);
  });
}
