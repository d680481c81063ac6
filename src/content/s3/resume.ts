import type { S3Calls, S3Part } from './calls.ts';
import { conflict } from '../upload-refusals.ts';
import { contentKey, stateKey } from './keys.ts';
import { beginMultipart, type PartsBegun } from './parts.ts';
import { readObject } from './read.ts';
import { isChanged } from './retry.ts';
import { digestOfParts, isMarked, type Multipart, readState, sizeOf, type UploadState } from './state.ts';
import { completeParts, type Whole, wholeInOne, wholeOfParts } from './whole.ts';

/** Copies of parts that are made at the same time. */
const copiesAtOnce = 4;

/** The bytes that an upload has when it is opened again. */
export interface Resumed {
  /** Where the parts can be had when more is to be written. */
  begin(): Promise<PartsBegun>;
  /** The bytes behind the whole parts: what they are is certain as long as the object has this ETag. */
  tail: { key: string; start: number; end: number; etag: string };
  /** Exactly these bytes, without loading them; undefined where that takes more. */
  whole: (() => Promise<Whole>) | undefined;
}

/** An upload that begins. */
export function startNew(upload: string, partBytes: number): Resumed {
  return {
    begin: async () => ({ partBytes, multipart: undefined, etags: [], recorded: false }),
    tail: { key: stateKey(upload), start: 0, end: 0, etag: '' },
    whole: undefined,
  };
}

/** The first `offset` bytes of an upload, as its state has them; undefined when there are fewer. */
export async function resume(
  calls: S3Calls,
  upload: string,
  offset: number,
  mark: string | null,
): Promise<Resumed | undefined> {
  const state = await readState(calls, upload);
  if (!state || !isMarked(state, mark) || sizeOf(state) < offset) return undefined;
  const { multipart } = state;
  if (state.parts === 0 || !multipart) return fromTail(calls, upload, state, offset);
  const parts = await wholeParts(calls, upload, state, multipart);
  if (parts === 'replaced') return undefined;
  if (!parts) return fromObject(calls, upload, state, multipart, offset);
  const needed = Math.floor(offset / state.partBytes);
  const inTail = needed >= state.parts;
  if (inTail || offset === needed * state.partBytes) {
    return fromParts(calls, upload, { state, multipart, parts }, Math.min(needed, state.parts), offset);
  }
  // Only an object can be read, or copied from at any place.
  await completeParts(calls, multipart, made(parts.slice(0, needed + 1)));
  return fromObject(calls, upload, state, multipart, offset);
}

function fromTail(calls: S3Calls, upload: string, { partBytes, tail, etag }: UploadState, offset: number): Resumed {
  const key = stateKey(upload);
  const whole = wholeInOne(upload, {
    read: (start, end) => readObject(calls, key, start, end - 1, etag),
    send: (to) => calls.copy(key, to, etag).catch(whereChanged),
  });
  return {
    begin: async () => ({ partBytes, multipart: undefined, etags: [], recorded: false }),
    tail: { key, start: 0, end: offset, etag },
    whole: offset === tail ? async () => whole : undefined,
  };
}

/** Another node has taken the upload over, or one that had lost it did not know. */
export function whereChanged(error: unknown): never {
  throw isChanged(error) ? conflict() : error;
}

function fromParts(
  calls: S3Calls,
  upload: string,
  { state, multipart, parts }: { state: UploadState; multipart: Multipart; parts: readonly S3Part[] },
  whole: number,
  offset: number,
): Resumed {
  const { partBytes, etag } = state;
  const begun = { partBytes, multipart, etags: parts.slice(0, whole).map((part) => part.etag), recorded: true };
  const tail = { key: stateKey(upload), start: 0, end: offset - whole * partBytes, etag };
  const last = parts[whole];
  const hasTail = tail.end > 0 && tail.end === state.tail && last?.size === tail.end && last.etag === state.tailPart;
  const all = hasTail ? parts.slice(0, whole + 1) : parts.slice(0, whole);
  return {
    begin: async () => begun,
    tail,
    whole: tail.end === 0 || hasTail ? () => completeParts(calls, multipart, made(all)) : undefined,
  };
}

/** An object was made of the parts, and no fact names it: it is copied from, within the storage. */
async function fromObject(
  calls: S3Calls,
  upload: string,
  { partBytes }: UploadState,
  { name }: Multipart,
  offset: number,
): Promise<Resumed | undefined> {
  const key = contentKey(name);
  const object = await calls.head(key);
  if (!object || object.size < offset) return undefined;
  const parts = Math.floor(offset / partBytes);
  return {
    async begin() {
      if (parts === 0) return { partBytes, multipart: undefined, etags: [], recorded: false };
      const multipart = await beginMultipart(calls, upload);
      const etags = await copyParts(calls, key, multipart, parts, partBytes);
      return { partBytes, multipart, etags, recorded: false };
    },
    tail: { key, start: parts * partBytes, end: offset, etag: object.etag },
    whole: offset === object.size ? async () => wholeOfParts(calls, name, { size: offset, ours: false }) : undefined,
  };
}

async function copyParts(calls: S3Calls, from: string, { id, name }: Multipart, parts: number, partBytes: number) {
  const etags: string[] = [];
  const next = Array.from({ length: parts }, (_, index) => index).values();
  const copy = async () => {
    for (const index of next) {
      const start = index * partBytes;
      const end = start + partBytes - 1;
      etags[index] = await calls.copyPart(contentKey(name), id, index + 1, from, start, end);
    }
  };
  await Promise.all(Array.from({ length: copiesAtOnce }, copy));
  return etags;
}

function made(parts: readonly S3Part[]): { etags: string[]; size: number } {
  return { etags: parts.map(({ etag }) => etag), size: parts.reduce((sum, part) => sum + part.size, 0) };
}

/** The parts of the state, and the one behind them; undefined when the multipart upload is gone. */
async function wholeParts(
  calls: S3Calls,
  upload: string,
  state: UploadState,
  { id, name }: Multipart,
): Promise<S3Part[] | 'replaced' | undefined> {
  const found = await calls.parts(contentKey(name), id);
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
