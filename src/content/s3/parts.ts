import type { S3Calls } from './calls.ts';
import { isMissing, unavailable } from './retry.ts';
import { digestOfParts } from './state.ts';
import { openSpool, type Spool } from './spool.ts';

/** Parts of one upload that are sent at the same time; the next one is spooled meanwhile. */
const partsInFlight = 3;

export interface PartsBegun {
  run: string;
  partBytes: number;
  /** Of the multipart upload; undefined while there is none. */
  multipart: string | undefined;
  /** ETags of the parts that it has, all of them whole. */
  etags: readonly string[];
  /** Whether the state of the upload names it. */
  recorded: boolean;
}

/**
 * The parts of an upload. What was written is in a spool file until there is a whole part of it, which then is sent
 * while the next one is written. On the disk are `partsInFlight` + 1 parts at most, in memory some buffers of them.
 */
export interface PartWriter {
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** Waits until every whole part is stored. */
  settle(): Promise<void>;
  /** Bytes behind the last whole part. */
  tail(): Spool | undefined;
  /** Sends the tail as a part, which later ones replace; returns its ETag. Undefined where there is no multipart upload. */
  sendTail(): Promise<string | undefined>;
  /** Where the whole parts are, to record it: from now on the multipart upload is not abandoned. */
  record(): { run: string; partBytes: number; parts: number; etags: string; multipart: string | undefined };
  /** Makes the object of everything that was written; false where another process may have made it of other bytes. */
  complete(): Promise<boolean>;
  /** Ends the multipart upload unless it is recorded. */
  abandon(): Promise<void>;
  close(): Promise<void>;
}

export function createPartWriter(calls: S3Calls, spools: string, key: string, start: PartsBegun): PartWriter {
  const { run, partBytes } = start;
  const etags = [...start.etags];
  const sending = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let { multipart, recorded } = start;
  let count = etags.length;
  let spool: Spool | undefined;
  let completed = false;

  function check(): void {
    if (failures.length > 0) throw failures[0];
  }

  async function send(part: Spool): Promise<void> {
    try {
      multipart ??= await calls.create(key, { run });
    } catch (error) {
      await part.close();
      throw error;
    }
    const id = multipart;
    const number = ++count;
    const sent = (async () => {
      try {
        etags[number - 1] = await calls.putPart(key, id, number, part.source());
      } catch (error) {
        failures.push(error);
      } finally {
        await part.close();
      }
    })();
    sending.add(sent);
    void sent.then(() => sending.delete(sent));
    while (sending.size >= partsInFlight) await Promise.race(sending);
    check();
  }

  async function settle(): Promise<void> {
    while (sending.size > 0) await Promise.all(sending);
    check();
  }

  return {
    async append(chunks) {
      check();
      for (let rest: readonly Uint8Array[] = chunks; rest.length > 0;) {
        spool ??= await openSpool(spools);
        const [fits, more] = cut(rest, partBytes - spool.length());
        await spool.append(fits);
        rest = more;
        if (spool.length() < partBytes) continue;
        const full = spool;
        spool = undefined;
        await send(full);
      }
    },
    settle,
    tail: () => spool,
    async sendTail() {
      if (multipart === undefined || !spool) return undefined;
      return calls.putPart(key, multipart, count + 1, spool.source());
    },
    record() {
      recorded = true;
      return { run, partBytes, parts: count, etags: digestOfParts(etags.slice(0, count)), multipart };
    },
    async complete() {
      check();
      let ours = true;
      if (multipart === undefined) {
        await calls.put(key, spool?.source(), { run });
      } else {
        const size = count * partBytes + (spool?.length() ?? 0);
        const last = spool;
        spool = undefined;
        if (last) await send(last);
        await settle();
        ours = await completeOnce(calls, key, multipart, { etags, size, run });
      }
      completed = true;
      return ours;
    },
    async abandon() {
      await Promise.all(sending);
      if (multipart !== undefined && !recorded && !completed) await calls.abort(key, multipart);
    },
    async close() {
      await Promise.all(sending);
      await spool?.close();
    },
  };
}

/**
 * Completes a multipart upload. One whose answer was lost is gone when it is completed again: then the object is there,
 * and only then that is believed. False then, because it may also be that of a process that had lost the upload and did
 * not know.
 */
export async function completeOnce(
  calls: S3Calls,
  key: string,
  multipart: string,
  { etags, size, run }: { etags: readonly string[]; size: number; run: string },
): Promise<boolean> {
  let failure: unknown = unavailable(new Error(`${key} is said to be completed, and is not there`));
  try {
    if (await calls.complete(key, multipart, etags)) return true;
  } catch (error) {
    if (!isMissing(error)) throw error;
    failure = error;
  }
  const made = await calls.head(key);
  if (made?.size !== size || made.metadata['run'] !== run) throw failure;
  return false;
}

/** The chunks that fit into `room` bytes, and the others; one is cut in two where it must be. */
function cut(chunks: readonly Uint8Array[], room: number): [fits: Uint8Array[], more: Uint8Array[]] {
  const fits: Uint8Array[] = [];
  let left = room;
  for (const [at, chunk] of chunks.entries()) {
    if (chunk.byteLength > left) {
      if (left > 0) fits.push(chunk.subarray(0, left));
      return [fits, [chunk.subarray(left), ...chunks.slice(at + 1)]];
    }
    fits.push(chunk);
    left -= chunk.byteLength;
  }
  return [fits, []];
}
