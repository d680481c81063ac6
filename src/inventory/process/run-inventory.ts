import { readdirSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { readLayer } from '../read-layer.ts';
import { type ByteSource, byteSource } from '../unpack/byte-source.ts';
import { watchOwnEnd } from './own-end.ts';
import { idleEndMs, type InventoryAnswer, type InventoryOrder, pieceBytes } from './protocol.ts';

/**
 * The life of a process that reads layers, one after the other: it has no configuration, no credentials and nothing open but its
 * standard streams and the layer that it reads, prints what it found, and keeps nothing of it. It ends with its input.
 */
export async function runInventory(): Promise<void> {
  // A terminal, or whoever ends a whole group of processes, sends them to all: its parent says when it ends.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  const endAfter = watchOwnEnd(idleEndMs);
  stepBack();
  closePrototypes();
  const input = byteSource(Bun.stdin.stream());
  const output = Bun.stdout.writer();
  for (let order = await frame(input); order !== undefined; order = await frame(input)) {
    const { timeMs, ...rest } = JSON.parse(Buffer.from(order).toString()) as InventoryOrder;
    endAfter(timeMs);
    void output.write(`${JSON.stringify(await answerTo(rest, input))}\n`);
    await output.flush();
    endAfter(idleEndMs);
  }
  process.exit(0);
}

async function answerTo(
  { mediaType, limits, path }: Omit<InventoryOrder, 'timeMs'>,
  input: ByteSource,
): Promise<InventoryAnswer> {
  if (path === undefined) {
    const bytes = framesOf(input);
    const inventory = await readLayer(tidied(bytes), { mediaType, limits });
    // Behind the end of an archive there may be anything, and behind that the next order.
    for await (const _ of bytes);
    return inventory;
  }
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    return await readLayer(tidied(piecesOf(file)), { mediaType, limits });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // What goes wrong otherwise is ours: the process ends by it.
    if (code === undefined) throw error;
    return { unreadable: code };
  } finally {
    await file?.close();
  }
}

/** Undefined at the end of all. */
async function frame(input: ByteSource): Promise<Uint8Array | undefined> {
  const head = await input.take(4);
  if (head.length === 0) return undefined;
  const length = head.length === 4 ? new DataView(head.buffer, head.byteOffset).getUint32(0, true) : -1;
  // To take nothing would wait for what comes behind it.
  const bytes = length === 0 ? new Uint8Array() : length < 0 ? head : await input.take(length);
  if (bytes.length !== length) throw new Error('the input ended in the midst of a layer');
  return bytes;
}

/** Made once for a layer: a consumer that stops early leaves the rest to the next one who asks. */
function framesOf(input: ByteSource): AsyncIterable<Uint8Array> {
  let ended = false;
  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    if (ended) return { done: true, value: undefined };
    const bytes = await frame(input);
    if (bytes === undefined) throw new Error('the input ended in the midst of a layer');
    ended = bytes.length === 0;
    return ended ? { done: true, value: undefined } : { done: false, value: bytes };
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

async function* piecesOf(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const piece = new Uint8Array(pieceBytes);
    const { bytesRead } = await file.read(piece, 0, piece.length);
    if (bytesRead === 0) return;
    yield piece.subarray(0, bytesRead);
  }
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

/** What all objects share takes nothing new: a file that names `__proto__` says nothing to whoever reads the next layer. */
function closePrototypes(): void {
  for (const { prototype } of [Object, Array, Map, Set, String, Number, Boolean, Function, Uint8Array, Promise, RegExp])
    void Object.preventExtensions(prototype);
}

/** Whoever serves goes first, for the processor, and last where the system runs out of memory. */
function stepBack(): void {
  try {
    // A priority is a thread's on Linux; those that come later have it of the one that starts them.
    for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), constants.priority.PRIORITY_LOW);
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Elsewhere the priority is the process's, and there may be no such thing at all.
    setPriority(constants.priority.PRIORITY_LOW);
  }
}
