import { createHash } from 'node:crypto';
import type { S3Calls, Source } from './calls.ts';
import { stateKey } from './keys.ts';

/** A multipart upload, and the name that its object will have, which no other one gets. */
export interface Multipart {
  id: string;
  name: string;
}

/** Where the bytes of an upload are that can be continued: what `uploads/<upload id>` says. */
export interface UploadState {
  /** Bytes of each part. */
  partBytes: number;
  /** Whole parts; those that come after them are not part of the state. */
  parts: number;
  /** The multipart upload that has them; undefined while there are none. */
  multipart: Multipart | undefined;
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

/** One value for the ETags of all whole parts. */
export function digestOfParts(etags: readonly string[]): string {
  return createHash('sha256').update(etags.join('\n')).digest('hex');
}

/** Whether the facts that recorded `mark` may mean this state; null where they are from before there were marks. */
export function isMarked({ mark, before }: UploadState, recorded: string | null): boolean {
  return recorded === null || mark === recorded || before === recorded;
}

export const sizeOf = ({ parts, partBytes, tail }: UploadState): number => parts * partBytes + tail;

export async function writeState(calls: S3Calls, upload: string, state: NewState, tail: Source | undefined) {
  await calls.put(stateKey(upload), tail, {
    'part-bytes': String(state.partBytes),
    parts: String(state.parts),
    etags: state.etags,
    mark: state.mark,
    ...(state.before !== null && { before: state.before }),
    ...(state.multipart && { multipart: state.multipart.id, object: state.multipart.name }),
    ...(state.tailPart !== undefined && { 'tail-part': state.tailPart }),
  });
}

export async function readState(calls: S3Calls, upload: string): Promise<UploadState | undefined> {
  const found = await calls.head(stateKey(upload));
  if (!found) return undefined;
  const { parts, 'part-bytes': partBytes, 'tail-part': tailPart } = found.metadata;
  const { etags = '', mark = '', before = null } = found.metadata;
  const state = {
    partBytes: Number(partBytes),
    parts: Number(parts),
    multipart: multipartOf(upload, found.metadata),
    etags,
    tailPart,
    mark,
    before,
    tail: found.size,
    etag: found.etag,
    changedAt: found.changedAt,
  };
  const sound = Number.isSafeInteger(state.parts) && Number.isSafeInteger(state.partBytes) && state.partBytes > 0;
  if (!sound || (state.parts > 0 && !state.multipart))
    throw new Error(`the state of upload ${upload} in the object storage is not readable; it may be deleted`);
  return state;
}

function multipartOf(upload: string, { multipart, object = upload }: Record<string, string>): Multipart | undefined {
  return multipart === undefined ? undefined : { id: multipart, name: object };
}

/** The multipart upload that a state names, whatever else it says. */
export async function recordedMultipart(calls: S3Calls, upload: string): Promise<Multipart | undefined> {
  const found = await calls.head(stateKey(upload));
  return found && multipartOf(upload, found.metadata);
}
