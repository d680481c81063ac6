import { randomBytes } from 'node:crypto';
import type { S3Calls, S3Part } from './calls.ts';
import { contentKey, stateKey } from './keys.ts';
import { completeOnce, type PartsBegun } from './parts.ts';
import { digestOfParts, isMarked, readState, sizeOf, type UploadState } from './state.ts';

/** Copies of parts that are made at the same time. */
const copiesAtOnce = 4;

/** The bytes that an upload has when it is opened again. */
export interface Resumed {
  run: string;
  partBytes: number;
  /** Where the parts can be had when more is to be written. */
  begin(): Promise<PartsBegun>;
  /** The bytes behind the whole parts. */
  tail: { key: string; start: number; end: number };
  /**
   * Makes the object of exactly these bytes, without loading them; undefined where that takes more. False where another
   * process may have made it of other bytes.
   */
  publish: (() => Promise<boolean>) | undefined;
  /** Whether an object was made of the upload before, which may have another name. */
  published: boolean;
}

/** An upload that begins. */
export function startNew(upload: string, partBytes: number): Resumed {
  const run = randomBytes(8).toString('hex');
  const begun = { run, partBytes, multipart: undefined, etags: [], recorded: false };
  return {
    run,
    partBytes,
    begin: async () => begun,
    tail: { key: stateKey(upload), start: 0, end: 0 },
    publish: undefined,
    published: false,
  };
}

/** The first `offset` bytes of an upload, as its state has them; undefined when there are fewer. */
export async function resume(
  calls: S3Calls,
  upload: string,
  offset: number,
  mark: string | null,
): Promise<Resumed | undefined> {
  const [state, object] = await Promise.all([readState(calls, upload), calls.head(contentKey(upload))]);
  if (!state || !isMarked(state, mark)) return undefined;
  const found = await resumeFrom(calls, upload, state, offset);
  return found && { ...found, published: object !== undefined };
}

type Found = Omit<Resumed, 'published'>;

async function resumeFrom(
  calls: S3Calls,
  upload: string,
  state: UploadState,
  offset: number,
): Promise<Found | undefined> {
  if (sizeOf(state) < offset) return fromObject(calls, upload, state, offset);
  if (state.parts === 0) return fromTail(calls, upload, state, offset);
  const parts = await wholeParts(calls, upload, state);
  if (parts === 'replaced') return undefined;
  if (!parts) return fromObject(calls, upload, state, offset);
  const needed = Math.floor(offset / state.partBytes);
  const inTail = needed >= state.parts;
  if (inTail || offset === needed * state.partBytes) {
    return fromParts(calls, upload, state, parts, Math.min(needed, state.parts), offset);
  }
  // Only an object can be read, or copied from at any place.
  await complete(calls, upload, state, parts.slice(0, needed + 1));
  return fromObject(calls, upload, state, offset);
}

function fromTail(calls: S3Calls, upload: string, state: UploadState, offset: number): Found {
  const { run, partBytes } = state;
  const [key, stored] = [contentKey(upload), stateKey(upload)];
  return {
    run,
    partBytes,
    begin: async () => ({ run, partBytes, multipart: undefined, etags: [], recorded: false }),
    tail: { key: stored, start: 0, end: offset },
    publish: offset === state.tail ? () => calls.copy(stored, key, state.etag, { run }).then(() => true) : undefined,
  };
}

function fromParts(
  calls: S3Calls,
  upload: string,
  state: UploadState,
  parts: readonly S3Part[],
  whole: number,
  offset: number,
): Found {
  const { run, partBytes, multipart } = state;
  const begun = { run, partBytes, multipart, etags: parts.slice(0, whole).map(({ etag }) => etag), recorded: true };
  const tail = { key: stateKey(upload), start: 0, end: offset - whole * partBytes };
  const last = parts[whole];
  const hasTail = tail.end > 0 && tail.end === state.tail && last?.size === tail.end && last.etag === state.tailPart;
  const all = hasTail ? parts.slice(0, whole + 1) : parts.slice(0, whole);
  return {
    run,
    partBytes,
    begin: async () => begun,
    tail,
    publish: tail.end === 0 || hasTail ? () => complete(calls, upload, state, all) : undefined,
  };
}

/** An object was made of the parts, and no fact names it: it is copied from, within the storage. */
async function fromObject(
  calls: S3Calls,
  upload: string,
  { run, partBytes }: UploadState,
  offset: number,
): Promise<Found | undefined> {
  const key = contentKey(upload);
  const object = await calls.head(key);
  if (object?.metadata['run'] !== run || object.size < offset) return undefined;
  const whole = Math.floor(offset / partBytes);
  return {
    run,
    partBytes,
    async begin() {
      if (whole === 0) return { run, partBytes, multipart: undefined, etags: [], recorded: false };
      const multipart = await calls.create(key, { run });
      return {
        run,
        partBytes,
        multipart,
        etags: await copyParts(calls, key, multipart, whole, partBytes),
        recorded: false,
      };
    },
    tail: { key, start: whole * partBytes, end: offset },
    publish: offset === object.size ? async () => false : undefined,
  };
}

async function copyParts(calls: S3Calls, key: string, multipart: string, whole: number, partBytes: number) {
  const etags: string[] = [];
  const next = Array.from({ length: whole }, (_, index) => index).values();
  const copy = async () => {
    for (const index of next) {
      const start = index * partBytes;
      etags[index] = await calls.copyPart(key, multipart, index + 1, key, start, start + partBytes - 1);
    }
  };
  await Promise.all(Array.from({ length: copiesAtOnce }, copy));
  return etags;
}

async function complete(calls: S3Calls, upload: string, { multipart, run }: UploadState, parts: readonly S3Part[]) {
  const etags = parts.map(({ etag }) => etag);
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return completeOnce(calls, contentKey(upload), multipart!, { etags, size, run });
}

/** The parts of the state, and the one behind them; undefined when the multipart upload is gone. */
async function wholeParts(
  calls: S3Calls,
  upload: string,
  state: UploadState,
): Promise<S3Part[] | 'replaced' | undefined> {
  const found = await calls.parts(contentKey(upload), state.multipart!);
  if (!found) return undefined;
  for (let index = 0; index < state.parts; index++) {
    const part = found[index];
    if (part?.number !== index + 1 || part.size !== state.partBytes)
      throw new Error(`part ${index + 1} of upload ${upload} is not in the object storage`);
  }
  const etags = found.slice(0, state.parts).map(({ etag }) => etag);
  if (state.etags !== '' && digestOfParts(etags) !== state.etags) return 'replaced';
  return found.slice(0, state.parts + 1).filter(({ number }, index) => number === index + 1);
}
