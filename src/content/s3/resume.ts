import { conflict } from '../upload-refusals.ts';
import { ObjectMissing } from '../object-missing.ts';
import type { S3Calls, S3Part } from './calls.ts';
import { contentKey } from './keys.ts';
import { beginMultipart, type FirstParts } from './parts.ts';
import { readObject } from './read.ts';
import { isChanged, isMissing } from './retry.ts';
import { digestOfParts, type Multipart, readState, sizeOf, type UploadState } from './state.ts';
import { completeParts, type Whole, wholeInOne, wholeOfParts } from './whole.ts';

/** Copies of parts that are made at the same time. */
const copiesAtOnce = 4;

/** The bytes that an upload has when it is opened again. */
export interface Resumed {
  /** Where the whole parts can be had when more is to be written. */
  begin(): Promise<FirstParts>;
  /** The object of the bytes behind them; undefined where there are none. */
  tail: { key: string; size: number; etag: string } | undefined;
  /** Exactly these bytes, without loading them; undefined where that does not work. */
  whole(): Promise<Whole | undefined>;
}

type StateOfParts = UploadState & { multipart: Multipart };

/** An upload that begins. */
export function startNew(partBytes: number): Resumed {
  return { begin: async () => noParts(partBytes), tail: undefined, whole: async () => undefined };
}

/** The first `offset` bytes of an upload, as the state of this mark has them; undefined where it is not there. */
export async function resume(
  calls: S3Calls,
  upload: string,
  offset: number,
  mark: string,
): Promise<Resumed | undefined> {
  const state = await readState(calls, upload, mark);
  if (!state || sizeOf(state) !== offset) return undefined;
  const { multipart } = state;
  if (!multipart) return fromTail(calls, upload, state);
  const ofParts = { ...state, multipart };
  const parts = await wholeParts(calls, ofParts);
  if (parts === 'replaced') return undefined;
  return parts ? fromParts(calls, ofParts, parts) : fromObject(calls, upload, ofParts);
}

const noParts = (partBytes: number): FirstParts => ({
  partBytes,
  multipart: undefined,
  etags: [],
  ours: true,
  recorded: false,
});

function tailOf({ key, tail, etag }: UploadState): Resumed['tail'] {
  return tail === 0 ? undefined : { key, size: tail, etag };
}

function fromTail(calls: S3Calls, upload: string, state: UploadState): Resumed {
  const { key, etag, partBytes } = state;
  return {
    begin: async () => noParts(partBytes),
    tail: tailOf(state),
    whole: async () =>
      wholeInOne(upload, {
        read: (start, end) => readObject(calls, key, start, end - 1, etag),
        send: (to) => calls.copy(key, to, etag).catch(whereGone),
      }),
  };
}

/** Another node has taken the upload over, or one that had lost it did not know. */
export function whereGone(error: unknown): never {
  throw isChanged(error) || isMissing(error) || error instanceof ObjectMissing ? conflict() : error;
}

function fromParts(calls: S3Calls, state: StateOfParts, etags: readonly string[]): Resumed {
  const { multipart, partBytes, ours } = state;
  const { id, name } = multipart;
  const tail = tailOf(state);
  return {
    begin: async () => ({ partBytes, multipart, etags, ours, recorded: true }),
    tail,
    async whole() {
      const last = tail && (await calls.tryCopyToPart(contentKey(name), id, etags.length + 1, tail));
      if (tail && last === undefined) return undefined;
      const all = last === undefined ? etags : [...etags, last];
      return completeParts(calls, multipart, { etags: all, size: sizeOf(state), ours });
    },
  };
}

/**
 * An object was made of the parts, and no fact names it: they are copied from it, within the storage. What else it was
 * made of nobody knows.
 */
async function fromObject(calls: S3Calls, upload: string, state: StateOfParts): Promise<Resumed | undefined> {
  const { partBytes, parts, multipart } = state;
  const { name } = multipart;
  const key = contentKey(name);
  const object = await calls.head(key);
  if (!object || object.size < parts * partBytes) return undefined;
  const size = sizeOf(state);
  return {
    async begin() {
      const copies = await beginMultipart(calls, upload);
      const etags = await copyParts(calls, key, copies, parts, partBytes);
      return { partBytes, multipart: copies, etags, ours: false, recorded: false };
    },
    tail: tailOf(state),
    whole: async () => (object.size === size ? wholeOfParts(calls, name, { size, ours: false }) : undefined),
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

/** ETags of the parts of a state; undefined when the multipart upload is gone. */
async function wholeParts(
  calls: S3Calls,
  { parts, partBytes, etags, multipart: { id, name } }: StateOfParts,
): Promise<string[] | 'replaced' | undefined> {
  const stored = await calls.parts(contentKey(name), id);
  if (!stored) return undefined;
  const isWhole = ({ number, size }: S3Part, index: number) => number === index + 1 && size === partBytes;
  const whole = stored.slice(0, parts);
  if (whole.length < parts || !whole.every(isWhole)) return 'replaced';
  const found = whole.map(({ etag }) => etag);
  return digestOfParts(found) === etags ? found : 'replaced';
}
