import type { StagingArea, StoredObject } from '../blob-store.ts';
import type { S3Calls } from './calls.ts';
import { type ContentEntry, contentPrefix, parseContent, parseState, statePrefix } from './keys.ts';
import { sizeOf, stateOf } from './state.ts';

type Listed = ContentEntry & { changedAt: number };

/** What is stored of an upload, or of all, in the order of keys: that of an upload is listed together. */
export async function* listEntries(calls: S3Calls, upload = ''): AsyncGenerator<Listed> {
  for await (const { key, changedAt } of calls.list(contentPrefix + upload)) {
    const entry = parseContent(key);
    if (entry) yield { ...entry, changedAt };
  }
}

/** Every object with its digest. One that has none is an upload that was being published, or what is left of one. */
export async function* listObjects(calls: S3Calls): AsyncGenerator<StoredObject> {
  let together: Listed[] = [];
  for await (const entry of listEntries(calls)) {
    if (entry.upload !== together[0]?.upload) {
      yield* objectsOf(together);
      together = [];
    }
    together.push(entry);
  }
  yield* objectsOf(together);
}

/** The objects of one upload. Of two names, which publishing by another algorithm can leave, the later one holds. */
function* objectsOf(entries: readonly Listed[]): Generator<StoredObject> {
  for (const object of entries) {
    if (object.content !== object.key) continue;
    let named: Listed = object;
    for (const entry of entries) {
      if (entry.content !== object.key || !entry.digest) continue;
      if (!named.digest || entry.changedAt >= named.changedAt) named = entry;
    }
    const { key, upload, digest } = named;
    yield { key, upload, digest };
  }
}

/** What is there of an upload's states, and of its end. */
interface States {
  upload: string;
  /** Keys of states. */
  keys: string[];
  ended: boolean;
  /** The latest of all (ms). */
  changedAt: number;
}

/** The states of an upload, or of all, those of an upload together; also of those that have ended and may have more. */
export async function* listStates(calls: S3Calls, upload = ''): AsyncGenerator<States> {
  let together: States | undefined;
  for await (const { key, changedAt } of calls.list(statePrefix + upload)) {
    const state = parseState(key);
    if (!state) continue;
    if (together && together.upload !== state.upload) {
      yield together;
      together = undefined;
    }
    together ??= { upload: state.upload, keys: [], ended: false, changedAt: 0 };
    together.changedAt = Math.max(together.changedAt, changedAt);
    if (state.ended) together.ended = true;
    else together.keys.push(key);
  }
  if (together) yield together;
}

/** Every upload that has a state, or has ended and may have more, or has only multipart uploads that no state names. */
export async function* listUploads(calls: S3Calls): AsyncGenerator<StagingArea & { upload: string }> {
  for await (const states of listStates(calls)) {
    const area = await areaOf(calls, states);
    if (area) yield { upload: states.upload, ...area };
  }
  let last: string | undefined;
  for await (const { upload } of listMultiparts(calls)) {
    if (upload === last) continue;
    last = upload;
    if (await statesOf(calls, upload)) continue;
    const area = await multipartArea(calls, upload);
    if (area) yield { upload, ...area };
  }
}

/** What is stored of an upload. */
export async function stagingArea(calls: S3Calls, upload: string): Promise<StagingArea | undefined> {
  const states = await statesOf(calls, upload);
  return states ? areaOf(calls, states) : multipartArea(calls, upload);
}

async function statesOf(calls: S3Calls, upload: string): Promise<States | undefined> {
  for await (const states of listStates(calls, upload)) return states;
  return undefined;
}

/** Of several states, which crashes leave, the largest says how much there is. Undefined when they are gone by now. */
async function areaOf(calls: S3Calls, { keys, ended, changedAt }: States): Promise<StagingArea | undefined> {
  let size = ended ? 0 : undefined;
  for (const key of keys) {
    const found = await calls.head(key);
    if (!found) continue;
    const state = stateOf(key, found);
    size = Math.max(size ?? 0, state ? sizeOf(state) : found.size);
  }
  return size === undefined ? undefined : { size, changedAt };
}

/** Open multipart uploads of an upload, or of all. */
export async function* listMultiparts(calls: S3Calls, upload = '') {
  for await (const found of calls.multiparts(contentPrefix + upload)) {
    const entry = parseContent(found.key);
    if (entry && !entry.digest) yield { ...found, upload: entry.upload };
  }
}

/** What is stored of an upload that was never synced: nobody was told of it. */
async function multipartArea(calls: S3Calls, upload: string): Promise<StagingArea | undefined> {
  let area: StagingArea | undefined;
  for await (const { key, id, startedAt } of listMultiparts(calls, upload)) {
    area ??= { size: 0, changedAt: 0 };
    area.changedAt = Math.max(area.changedAt, startedAt);
    for (const part of (await calls.parts(key, id)) ?? []) {
      area.size += part.size;
      area.changedAt = Math.max(area.changedAt, part.changedAt);
    }
  }
  return area;
}
