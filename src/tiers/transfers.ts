import { RegistryError } from '../errors/index.ts';
import type { Bucket, Buckets } from './buckets/index.ts';
import type { Tier } from './tiers.ts';

/** A blob on its way in or out. */
export interface Transfer {
  registryId: number;
  /** Of its client. */
  signal: AbortSignal;
}

/**
 * Bandwidth of registries, and how many blobs are on their way at once. For tiers that have transfer limits alone; an edited
 * tier acts on what is on its way, too.
 */
export interface Transfers {
  /** Takes a place among the transfers, within a little while: throws TOOMANYREQUESTS. Returns what gives it back. */
  begin(transfer: Transfer): Promise<() => void>;
  /** Slows an upload down: resolves when these bytes may be taken in; undefined where they may at once. */
  receive(transfer: Transfer, bytes: number): Promise<void> | undefined;
  /** The same bytes as fast as the tier allows; `ended` is called once, when they or their client are gone. */
  send(
    transfer: Transfer,
    body: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
    ended: () => void,
  ): ReadableStream<Uint8Array>;
}

type Way = 'ingress' | 'egress';

/** Longest wait for a place (ms). */
const waitMs = 10_000;
const mib = 1024 * 1024;
/** A bucket of bytes holds what may pass in this time (s); a process takes an eighth of that at once. */
const burstSeconds = 2;
const slice = 0.125;
/** Bytes that go out at once. */
const pieceBytes = 64 * 1024;

export function createTransfers({
  buckets,
  tierOf,
}: {
  buckets: Buckets;
  tierOf(registryId: number): Tier;
}): Transfers {
  function bytesOf({ registryId }: Transfer, way: Way): Bucket | undefined {
    const rate = tierOf(registryId).rates[way];
    if (rate < 0) return undefined;
    const shape = { capacity: rate * mib * burstSeconds, perMs: (rate * mib) / 1000, slice };
    return buckets.at({ registryId, name: way, subject: '' }, shape);
  }

  return {
    async begin({ registryId, signal }) {
      const most = () => tierOf(registryId).rates.transfers;
      if (most() < 0) return () => {};
      const release = await buckets.permits({ registryId, name: 'transfers', subject: '' }, most).take(waitMs, signal);
      if (release) return release;
      const { name: tier } = tierOf(registryId);
      throw new RegistryError('TOOMANYREQUESTS', {
        message:
          `the tier ${tier} lets ${most()} blobs be on their way in this registry at once, and none of them has ended ` +
          'in time; try again',
        detail: { tier, category: 'transfers', level: 'registry' },
        headers: { 'Retry-After': '5' },
      });
    },
    receive(transfer, bytes) {
      return pace(() => bytesOf(transfer, 'ingress'), bytes);
    },
    send(transfer, body, ended) {
      const bucket = () => bytesOf(transfer, 'egress');
      const pieces = piecesOf(body);
      let over = false;
      const end = () => {
        if (over) return;
        over = true;
        ended();
      };
      transfer.signal.addEventListener('abort', end, { once: true });
      // It went away while the bytes were looked for: nobody may ever read the stream.
      if (transfer.signal.aborted) end();
      return new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            try {
              const { done, value } = await pieces.next();
              if (done) {
                controller.close();
                return end();
              }
              await pace(bucket, value.byteLength);
              controller.enqueue(value);
            } catch (error) {
              end();
              throw error;
            }
          },
          async cancel() {
            end();
            await pieces.return(undefined);
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
}

/**
 * Spends bytes that are there or will be: into debt, so that large chunks are as fast as small ones. `find` is asked again
 * after each wait.
 */
function pace(find: () => Bucket | undefined, bytes: number): Promise<void> | undefined {
  const bucket = find();
  if (bucket && !bucket.has(1)) return paceLater(find, bytes);
  bucket?.spend(bytes);
  return undefined;
}

async function paceLater(find: () => Bucket | undefined, bytes: number): Promise<void> {
  let bucket = find();
  while (bucket && !bucket.has(1)) {
    if (!(await bucket.ask())) await Bun.sleep(bucket.waitMs());
    bucket = find();
  }
  bucket?.spend(bytes);
}

async function* piecesOf(
  body: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const stream = body instanceof ReadableStream ? body : new Blob([body]).stream();
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.byteLength; at += pieceBytes) yield chunk.subarray(at, at + pieceBytes);
  }
}
