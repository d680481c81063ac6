import {
  type Extraction,
  type LayerBytes,
  type ReaderProcess,
  type ReadOptions,
  startReader,
} from './reader-process.ts';

const mib = 1024 * 1024;

/** How long one process goes on reading layers: what it leaves behind, and what may have gone wrong in it, ends with it. */
export interface ReaderBounds {
  layers: number;
  /** Packed bytes of layers. */
  bytes: number;
  /** Memory that it has after a layer (RSS, bytes). */
  memoryBytes: number;
  /** Since it was started (ms). */
  ageMs: number;
  /** Without a layer (ms). */
  idleMs: number;
}

export const defaultReaderBounds: ReaderBounds = {
  layers: 100,
  bytes: 512 * mib,
  memoryBytes: 256 * mib,
  ageMs: 60_000,
  idleMs: 5000,
};

export interface LayerReaders {
  /**
   * Reads a layer, by itself in a process at that time. `open` gives its bytes, anew each time that it is called: what fails in
   * a process that has read others before is read once more in a new one, so that no layer answers for another. Throws where
   * the bytes cannot be had, or `signal` is aborted.
   */
  read(open: () => LayerBytes | Promise<LayerBytes>, options: ReadOptions): Promise<Extraction>;
  /** Ends them all. */
  close(): Promise<void>;
}

interface Reader {
  process: ReaderProcess;
  startedAt: number;
  layers: number;
  bytes: number;
  idle?: Timer | undefined;
}

/**
 * Processes that read layers: as many as layers are read at a time, and none where nothing is read for a while. To start one takes
 * more than to read most layers, so each reads several. `program` is what is started in place of this one, by tests.
 */
export function createLayerReaders({
  bounds: some,
  program,
}: { bounds?: Partial<ReaderBounds>; program?: readonly string[] } = {}): LayerReaders {
  const bounds = { ...defaultReaderBounds, ...some };
  const idle: Reader[] = [];
  const all = new Set<ReaderProcess>();
  let closed = false;

  function start(): Reader {
    const process = startReader(program);
    all.add(process);
    void process.ended.finally(() => all.delete(process));
    return { process, startedAt: performance.now(), layers: 0, bytes: 0 };
  }

  function take(): Reader {
    for (let reader = idle.pop(); reader; reader = idle.pop()) {
      clearTimeout(reader.idle);
      if (isGood(reader)) return reader;
      reader.process.end();
    }
    return start();
  }

  function isGood({ process, startedAt, layers, bytes }: Reader): boolean {
    const isYoung = performance.now() - startedAt < bounds.ageMs;
    return process.isFit() && isYoung && layers < bounds.layers && bytes < bounds.bytes;
  }

  function giveBack(reader: Reader): void {
    if (closed || !isGood(reader) || (reader.process.memory() ?? 0) > bounds.memoryBytes) return reader.process.end();
    reader.idle = setTimeout(() => {
      idle.splice(idle.indexOf(reader), 1);
      reader.process.end();
    }, bounds.idleMs);
    reader.idle.unref();
    idle.push(reader);
  }

  async function readBy(reader: Reader, source: LayerBytes, options: ReadOptions): Promise<Extraction> {
    const bytes = source instanceof ReadableStream ? counted(source, reader) : source;
    if (!(source instanceof ReadableStream)) reader.bytes += source.size;
    reader.layers++;
    try {
      return await reader.process.read(bytes, options);
    } finally {
      giveBack(reader);
    }
  }

  return {
    async read(open, options) {
      options.signal.throwIfAborted();
      const source = await open();
      const reader = take();
      const isUsed = reader.layers > 0;
      const read = await readBy(reader, source, options);
      if (read.ok || !isUsed || (read.reason !== 'crashed' && read.reason !== 'memory')) return read;
      const again = await open();
      return readBy(start(), again, options);
    },
    async close() {
      closed = true;
      for (const reader of idle.splice(0)) clearTimeout(reader.idle);
      for (const process of all) process.end();
      await Promise.all([...all].map(({ ended }) => ended));
    },
  };
}

/** What comes is counted for the process that takes it. */
function counted(source: ReadableStream<Uint8Array>, reader: Reader): ReadableStream<Uint8Array> {
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      reader.bytes += piece.length;
      controller.enqueue(piece);
    },
  });
  return source.pipeThrough(count);
}
