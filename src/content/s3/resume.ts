import { conflict } from '../upload-refusals.ts';
import { ObjectMissing } from '../object-missing.ts';
import type { S3Calls, S3Part } from './calls.ts';
import { contentKey } from './keys.ts';
import { beginMultipart, type FirstParts } from './parts.ts';
import { readObject } from './read.ts';
import { isChanged, isMissing, unavailable } from './retry.ts';
import { digestOfParts, type Multipart, readState, sizeOf, type UploadState } from './state.ts';
import { completeParts, type Whole, wholeInOne, wholeOfParts } from './whole.ts';

/** Copies of parts that are made at the same time. */
const copiesAtOnce = 4;

/** The bytes that an upload has when it is opened again. */
export interface Resumed {
  /** Where they can be had when more is to be written. */
  begin(): Promise<Beginning>;
  /** Exactly these bytes, without loading them; undefined where that does not work. */
  whole(): Promise<Whole | undefined>;
}

/** Whole parts, and objects whose first bytes come behind them: these must be loaded, to be sent with what follows. */
export interface Beginning {
  parts: FirstParts;
  load: readonly Bytes[];
}

/** The first `size` bytes of an object, as long as it has this ETag. */
interface Bytes {
  key: string;
  size: number;
  etag: string;
}

type StateOfParts = UploadState & { multipart: Multipart };

/** An upload that begins. */
export function startNew(partBytes: number): Resumed {
  return { begin: async () => ({ parts: noParts(partBytes), load: [] }), whole: async () => undefined };
}

/**
 * The first `offset` bytes of an upload, as the state of this mark has them; undefined where it is not there. `contested`:
 * an earlier request may have made an object of the parts, or may make one yet.
 */
export async function resume(
  calls: S3Calls,
  upload: string,
  { offset, mark, contested }: { offset: number; mark: string; contested: boolean },
): Promise<Resumed | undefined> {
  const state = await readState(calls, upload, mark);
  if (!state || sizeOf(state) !== offset) return undefined;
  const { multipart } = state;
  if (!multipart) return fromTail(calls, upload, state);
  const ofParts = { ...state, multipart, ours: state.ours && !contested };
  const etags = await wholeParts(calls, ofParts);
  if (etags === 'damaged') return undefined;
  if (!etags) {
    const object = await fromObject(calls, upload, ofParts);
    // There are servers on which neither is there while the one becomes the other (versitygw).
    if (!object && contested) throw unavailable(new Error(`what was made of upload ${upload} is not there yet`));
    return object;
  }
  // What comes late has the same bytes, where the client sends the same ones, but may have another ETag.
  const ours = ofParts.ours && digestOfParts(etags) === state.etags;
  return fromParts(calls, upload, { ...ofParts, ours }, { etags, contested });
}

const noParts = (partBytes: number): FirstParts => ({
  partBytes,
  multipart: undefined,
  etags: [],
  ours: true,
  recorded: false,
});

const tailOf = ({ key, tail, etag }: UploadState): Bytes[] => (tail === 0 ? [] : [{ key, size: tail, etag }]);

function fromTail(calls: S3Calls, upload: string, state: UploadState): Resumed {
  const { key, etag, partBytes } = state;
  return {
    begin: async () => ({ parts: noParts(partBytes), load: tailOf(state) }),
    whole: async () =>
      wholeInOne(calls, upload, {
        read: (start, end) => readObject(calls, key, start, end - 1, etag),
        send: (to) => calls.copy(key, to, etag).catch(whereGone),
      }),
  };
}

/** Another node has taken the upload over, or one that had lost it did not know. */
export function whereGone(error: unknown): never {
  throw isChanged(error) || isMissing(error) || error instanceof ObjectMissing ? conflict() : error;
}

function fromParts(
  calls: S3Calls,
  upload: string,
  state: StateOfParts,
  { etags, contested }: { etags: readonly string[]; contested: boolean },
): Resumed {
  const { multipart, partBytes, parts, ours } = state;
  const { id, name } = multipart;
  return {
    async begin() {
      if (!contested) return { parts: { partBytes, multipart, etags, ours, recorded: true }, load: tailOf(state) };
      // Nobody else may make an object of what is added now, nor replace it.
      await completeParts(calls, upload, multipart, { etags, size: parts * partBytes, ours });
      const object = await fromObject(calls, upload, state);
      return object ? object.begin() : whereGone(new ObjectMissing(name));
    },
    async whole() {
      const size = sizeOf(state);
      const [tail] = tailOf(state);
      if (!tail) return completeParts(calls, upload, multipart, { etags, size, ours });
      let last: string | undefined;
      try {
        last = await calls.tryCopyToPart(contentKey(name), id, parts + 1, tail);
      } catch (gone) {
        // Either an object has been made meanwhile, or is being made, or the upload is another's.
        const object = await fromObject(calls, upload, state);
        const whole = await object?.whole();
        if (whole) return whole;
        if (object || contested) throw unavailable(gone);
        return whereGone(gone);
      }
      return last === undefined
        ? undefined
        : completeParts(calls, upload, multipart, { etags: [...etags, last], size, ours });
    },
  };
}

/**
 * An object was made of the parts, and no fact names it: they are copied from it, within the storage, or loaded where that
 * fails. What else it was made of nobody knows.
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
      const copies = await copyParts(calls, upload, key, { parts, partBytes });
      if (copies) return { parts: { ...copies, partBytes, ours: false, recorded: false }, load: tailOf(state) };
      const load = [{ key, size: parts * partBytes, etag: object.etag }, ...tailOf(state)];
      return { parts: { ...noParts(partBytes), ours: false }, load };
    },
    whole: async () => (object.size === size ? wholeOfParts(calls, upload, name, { size, ours: false }) : undefined),
  };
}

/** Copies of the first parts of an object, in a new multipart upload; undefined where the provider makes none. */
async function copyParts(
  calls: S3Calls,
  upload: string,
  from: string,
  { parts, partBytes }: { parts: number; partBytes: number },
): Promise<{ multipart: Multipart; etags: string[] } | undefined> {
  const multipart = await beginMultipart(calls, upload);
  const key = contentKey(multipart.name);
  const etags: string[] = [];
  const next = Array.from({ length: parts }, (_, index) => index).values();
  const copy = async () => {
    for (const index of next) {
      const start = index * partBytes;
      const end = start + partBytes - 1;
      etags[index] = await calls.copyPart(key, multipart.id, index + 1, from, start, end);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: copiesAtOnce }, copy));
  const failed = ends.find((end) => end.status === 'rejected');
  if (!failed) return { multipart, etags };
  await calls.abort(key, multipart.id);
  return isMissing(failed.reason) ? whereGone(failed.reason) : undefined;
}

/** ETags of the parts of a state; undefined when the multipart upload is gone. */
async function wholeParts(
  calls: S3Calls,
  { parts, partBytes, multipart: { id, name } }: StateOfParts,
): Promise<string[] | 'damaged' | undefined> {
  const stored = await calls.parts(contentKey(name), id);
  if (!stored) return undefined;
  const isWhole = ({ number, size }: S3Part, index: number) => number === index + 1 && size === partBytes;
  const whole = stored.slice(0, parts);
  return whole.length === parts && whole.every(isWhole) ? whole.map(({ etag }) => etag) : 'damaged';
}
