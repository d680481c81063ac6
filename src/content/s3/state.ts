import { createHash } from 'node:crypto';
import type { S3Calls, S3Object, Source } from './calls.ts';
import { endedKey, stateKey } from './keys.ts';

/** A multipart upload, and the name that its object will have, which no other one gets. */
export interface Multipart {
  id: string;
  name: string;
}

/** The whole parts of an upload. */
export interface PartsBegun {
  /** Bytes of each part. */
  partBytes: number;
  /** The multipart upload that has them; undefined while there are none. */
  multipart: Multipart | undefined;
  /** In order. */
  etags: readonly string[];
  /**
   * Whether they are what this upload's client sent, for certain: not where they were copied from an object that another
   * process may have made. Its content is hashed before a digest names it.
   */
  ours: boolean;
}

/** Where the bytes of an upload are that can be continued: what `uploads/<upload id>.<mark>` says. Written once. */
export interface UploadState extends Omit<PartsBegun, 'etags'> {
  /** Whole parts; those that come after them are not part of the state. */
  parts: number;
  /** Of the ETags of these parts: a process that lost the upload may still replace one. */
  etags: string;
  /** The object that keeps this; its content are the bytes behind the last whole part. */
  key: string;
  /** Bytes of them. */
  tail: number;
  etag: string;
  changedAt: number;
}

/** One value for the ETags of all whole parts. */
export function digestOfParts(etags: readonly string[]): string {
  return createHash('sha256').update(etags.join('\n')).digest('hex');
}

export const sizeOf = ({ parts, partBytes, tail }: UploadState): number => parts * partBytes + tail;

export async function writeState(
  calls: S3Calls,
  key: string,
  { partBytes, multipart, etags, ours }: PartsBegun,
  tail: Source | undefined,
): Promise<void> {
  await calls.put(key, tail, {
    'part-bytes': String(partBytes),
    parts: String(etags.length),
    etags: digestOfParts(etags),
    ...(multipart && { multipart: multipart.id, object: multipart.name }),
    ...(!ours && { 'not-ours': 'true' }),
  });
}

/** The state of this mark; undefined where there is none that can be read. */
export async function readState(calls: S3Calls, upload: string, mark: string): Promise<UploadState | undefined> {
  const key = stateKey(upload, mark);
  const found = await calls.head(key);
  return found && stateOf(key, found);
}

/** What an object says that keeps a state; undefined for one that is none. */
export function stateOf(key: string, found: S3Object): UploadState | undefined {
  const { parts, 'part-bytes': partBytes, etags = '', multipart, object, 'not-ours': notOurs } = found.metadata;
  const state = {
    partBytes: Number(partBytes),
    parts: Number(parts),
    multipart: multipart === undefined || object === undefined ? undefined : { id: multipart, name: object },
    etags,
    ours: notOurs === undefined,
    key,
    tail: found.size,
    etag: found.etag,
    changedAt: found.changedAt,
  };
  const sound = Number.isSafeInteger(state.parts) && Number.isSafeInteger(state.partBytes) && state.partBytes > 0;
  return sound && (state.parts === 0 || state.multipart) ? state : undefined;
}

/**
 * Sees to it that the sweep looks at an upload though it has ended. What was asked for more than once may be done again
 * when the object is gone.
 */
export async function keepForSweep(calls: S3Calls, upload: string): Promise<void> {
  await calls.put(endedKey(upload), undefined);
}
