import type { Staging } from '../blob-store.ts';
import type { OpenFile } from './file-system.ts';

/** Bytes gathered before one write call: fewer system calls, and still small beside a process's memory. */
const batchBytes = 512 * 1024;
/** What all uploads of a process gather together (bytes), and about as much again may be on its way to the disk. */
const gatheredBytes = 8 * 1024 * 1024;
/** Chunks of one write call; Linux takes 1,024. */
const batchChunks = 512;
/** A slow sender's bytes are written after this time (ms), so that the file's time says that somebody is at work. */
const batchMs = 10_000;
/**
 * Bytes that may wait for the disk before a sync begins, beside the ones that come next. Without it a whole blob would
 * be synced after its last byte, while the client waits for the answer.
 */
const unsyncedBytes = 64 * 1024 * 1024;

/** Files of this process that are open for writing: the more there are, the less each may gather. */
let openFiles = 0;

export type StagingBytes = Omit<Staging, 'mark' | 'recorded' | 'sync' | 'seal' | 'publish' | 'revert'> & {
  /** Whether something is not durable, as far as this one knows. */
  dirty(): boolean;
  /** Everything written is in the file. */
  settle(): Promise<void>;
  /** Makes everything that is in the file durable. */
  datasync(): Promise<void>;
  /** Cuts the file to where it was opened. Nothing may be written afterwards. */
  truncate(): Promise<void>;
};

/**
 * Appends to a file. A batch is written while the next one arrives and is hashed, so that disk and processor work at
 * the same time; in memory are two batches at most. `changed` says that the file was cut just now.
 */
export function createStagingFile(file: OpenFile, offset: number, changed: boolean): StagingBytes {
  let written = offset;
  let writing: Promise<void> | undefined;
  let inFlight: Uint8Array[] = [];
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let flushedAt = performance.now();
  let synced = changed ? -1 : offset;
  let syncing: Promise<void> | undefined;
  let open = true;
  openFiles++;
  const failures: unknown[] = [];

  const failed = (error: unknown) => void failures.push(error);
  function check(): void {
    if (failures.length > 0) throw failures[0];
  }

  function startWrite(): void {
    const batch = pending;
    const bytes = pendingBytes;
    inFlight = batch;
    pending = [];
    pendingBytes = 0;
    flushedAt = performance.now();
    writing = file.write(batch, written).then(() => {
      inFlight = [];
      for (const chunk of batch) release(chunk);
      written += bytes;
      writing = undefined;
    }, failed);
  }

  function startSync(): void {
    synced = written;
    syncing = file.datasync().then(() => {
      syncing = undefined;
    }, failed);
  }

  /** Room for one batch and one sync under way; this wait is what slows a fast sender down to the disk. */
  async function flush(): Promise<void> {
    await writing;
    check();
    if (written - synced >= unsyncedBytes) {
      await syncing;
      check();
      startSync();
    }
    if (pendingBytes > 0) startWrite();
  }

  async function settle(): Promise<void> {
    await flush();
    await writing;
    await syncing;
    check();
  }

  return {
    write(chunk) {
      pending.push(chunk);
      pendingBytes += chunk.byteLength;
      const gathering =
        pendingBytes < Math.min(batchBytes, gatheredBytes / openFiles) &&
        pending.length < batchChunks &&
        performance.now() - flushedAt < batchMs;
      return gathering ? undefined : flush();
    },
    readable: () => written,
    unreadable: () => [...inFlight, ...pending],
    dirty: () => written !== synced || pendingBytes > 0 || writing !== undefined || syncing !== undefined,
    settle,
    async datasync() {
      await settle();
      startSync();
      await settle();
    },
    async truncate() {
      pending = [];
      pendingBytes = 0;
      await writing;
      await syncing;
      await file.truncate(offset);
    },
    async close() {
      if (open) openFiles--;
      open = false;
      await writing;
      await syncing;
      await file.close();
    },
  };
}

/** A chunk that is all of its buffer does not wait for the garbage collector, which lets hundreds of uploads wait. */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
