import type { S3Calls } from './calls.ts';
import { contentKey, newPartsName } from './keys.ts';
import { openSpool, type Spool } from './spool.ts';
import type { Multipart, PartsBegun } from './state.ts';
import { isMissing, unavailable } from './retry.ts';
import { completeParts, type Whole, wholeInOne } from './whole.ts';

/** Parts of one upload that are sent at the same time; the next one is spooled meanwhile. */
const partsInFlight = 3;

/** Parts to go on from; `recorded` where a state of the upload names their multipart upload. */
export type FirstParts = PartsBegun & { recorded: boolean };

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
  /** Where the whole parts are, to record it: from now on the multipart upload is not abandoned. */
  record(): PartsBegun;
  /** Nothing more will be written. Where there is a multipart upload, it becomes an object. */
  complete(): Promise<Whole>;
  /** Ends the multipart upload unless it is recorded. */
  abandon(): Promise<void>;
  close(): Promise<void>;
}

/** Makes the writer of an upload's parts, which closes the spool files that it opens. */
export function createPartWriter(calls: S3Calls, spools: string, upload: string, start: FirstParts): PartWriter {
  const { partBytes, ours } = start;
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
      multipart ??= await beginMultipart(calls, upload);
    } catch (error) {
      await part.close();
      throw error;
    }
    const { id, name } = multipart;
    const number = ++count;
    const sent = (async () => {
      try {
        etags[number - 1] = await calls.putPart(contentKey(name), id, number, part.source());
      } catch (error) {
        // Made an object by a request that was given up: the next one finds it.
        failures.push(isMissing(error) ? unavailable(error) : error);
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
    record() {
      recorded = true;
      return { partBytes, multipart, etags: etags.slice(0, count), ours };
    },
    async complete() {
      check();
      if (!multipart) {
        const all = spool;
        const read = (from: number, to: number) => all?.read(from, to) ?? nothing();
        return wholeInOne(calls, upload, { read, send: (key) => calls.put(key, all?.source()) });
      }
      const size = count * partBytes + (spool?.length() ?? 0);
      const last = spool;
      spool = undefined;
      if (last) await send(last);
      await settle();
      const whole = await completeParts(calls, upload, multipart, { etags, size, ours });
      completed = true;
      return whole;
    },
    async abandon() {
      await Promise.all(sending);
      if (multipart && !recorded && !completed) await calls.abort(contentKey(multipart.name), multipart.id);
    },
    async close() {
      await Promise.all(sending);
      await spool?.close();
    },
  };
}

/** Begins a multipart upload under a name of its own. */
export async function beginMultipart(calls: S3Calls, upload: string): Promise<Multipart> {
  const name = newPartsName(upload);
  return { name, id: await calls.create(contentKey(name)) };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

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
