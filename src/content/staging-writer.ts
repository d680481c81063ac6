import type { StagingWriter } from './blob-store.ts';
import type { OpenFile } from './file-system.ts';

/** Bytes gathered before one write call: fewer system calls, and still small beside a process's memory. */
const batchBytes = 512 * 1024;

/**
 * Gathers chunks and writes a batch while the next one arrives and is hashed: the disk and the processor work at the
 * same time, and at most two batches are in memory.
 */
export function createStagingWriter(
  file: OpenFile,
  offset: number,
  syncName: () => Promise<void>,
): StagingWriter {
  let position = offset;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let writing: Promise<void> = Promise.resolve();
  let failure: { error: unknown } | undefined;

  const flush = async () => {
    // Room for one batch under way; this wait is what slows a fast sender down to the disk.
    await writing;
    if (failure) throw failure.error;
    if (pendingBytes === 0) return;
    const batch = pending;
    writing = file.write(batch, position).catch((error: unknown) => {
      failure = { error };
    });
    position += pendingBytes;
    pending = [];
    pendingBytes = 0;
  };

  return {
    async write(chunk) {
      pending.push(chunk);
      pendingBytes += chunk.byteLength;
      if (pendingBytes >= batchBytes) await flush();
    },
    async sync({ resumable }) {
      await flush();
      await writing;
      if (failure) throw failure.error;
      await file.datasync();
      // Later chunks find the name durable; a file that is published at once gets another one.
      if (resumable && offset === 0) await syncName();
    },
    async close() {
      await writing;
      await file.close();
    },
  };
}
