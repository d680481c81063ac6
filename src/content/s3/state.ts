import { createHash } from 'node:crypto';
import type { S3Calls, Source } from './calls.ts';
import { stateKey } from './keys.ts';

/** Where the bytes of an upload are that can be continued: what `uploads/<upload id>` says. */
export interface UploadState {
  /**
   * Which beginning of the upload they belong to. An object made of the same parts has the same, so that what is left
   * of an earlier beginning is not taken for its bytes.
   */
  run: string;
  /** Bytes of each part. */
  partBytes: number;
  /** Whole parts; those that come after them are not part of the state. */
  parts: number;
  /** The multipart upload that has them; undefined while there are none. */
  multipart: string | undefined;
  /** Of the ETags of these parts: a process that lost the upload may still replace one. */
  etags: string;
  /** ETag of a further part that holds the tail, so that the upload can be completed without loading it. */
  tailPart: string | undefined;
  /** Names this state, and the one that it follows: facts record one of the two. */
  mark: string;
  before: string | null;
  /** Bytes behind the last whole part; they are the content of the object that keeps this. */
  tail: number;
  /** Of the object that keeps this. */
  etag: string;
  changedAt: number;
}

export type NewState = Omit<UploadState, 'tail' | 'etag' | 'changedAt'>;

/** Of a state that says nothing but that there is an object. */
export const anyMark = 'any';

/** One value for the ETags of all whole parts. */
export function digestOfParts(etags: readonly string[]): string {
  return createHash('sha256').update(etags.join('\n')).digest('hex');
}

/** Whether the facts that recorded `mark` may mean this state; null where they are from before there were marks. */
export function isMarked({ mark, before }: UploadState, recorded: string | null): boolean {
  return recorded === null || mark === anyMark || mark === recorded || before === recorded;
}

export const sizeOf = ({ parts, partBytes, tail }: UploadState): number => parts * partBytes + tail;

export async function writeState(calls: S3Calls, upload: string, state: NewState, tail: Source | undefined) {
  await calls.put(stateKey(upload), tail, {
    run: state.run,
    'part-bytes': String(state.partBytes),
    parts: String(state.parts),
    etags: state.etags,
    mark: state.mark,
    ...(state.before !== null && { before: state.before }),
    ...(state.multipart !== undefined && { multipart: state.multipart }),
    ...(state.tailPart !== undefined && { 'tail-part': state.tailPart }),
  });
}

export async function readState(calls: S3Calls, upload: string): Promise<UploadState | undefined> {
  const found = await calls.head(stateKey(upload));
  if (!found) return undefined;
  const { run = '', multipart, parts, 'part-bytes': partBytes, 'tail-part': tailPart } = found.metadata;
  const { etags = '', mark = anyMark, before = null } = found.metadata;
  const state = {
    run,
    partBytes: Number(partBytes),
    parts: Number(parts),
    multipart,
    etags,
    tailPart,
    mark,
    before,
    tail: found.size,
    etag: found.etag,
    changedAt: found.changedAt,
  };
  const sound = Number.isSafeInteger(state.parts) && Number.isSafeInteger(state.partBytes) && state.partBytes > 0;
  if (!sound || run === '' || (state.parts > 0 && multipart === undefined))
    throw new Error(`the state of upload ${upload} in the object storage is not readable; it may be deleted`);
  return state;
}
