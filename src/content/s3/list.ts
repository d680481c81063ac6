import type { InUse, StagingArea, StoredObject } from '../blob-store.ts';
import type { S3Calls } from './calls.ts';
import {
  contentKey,
  type ContentEntry,
  contentPrefix,
  endedKey,
  nameKey,
  parseContent,
  parseState,
  stateKey,
  statePrefix,
} from './keys.ts';
import { readState, recordedMultipart, sizeOf } from './state.ts';

type Listed = ContentEntry & { changedAt: number };

/** What is stored of an upload, or of all, in the order of keys: that of an upload is listed together. */
async function* listEntries(calls: S3Calls, upload = ''): AsyncGenerator<Listed> {
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

/** Every upload that has a state, or has ended and may have more, or has only multipart uploads that no state names. */
export async function* listUploads(calls: S3Calls): AsyncGenerator<StagingArea & { upload: string }> {
  let last: string | undefined;
  for await (const { key, changedAt } of calls.list(statePrefix)) {
    const { upload, ended } = parseState(key) ?? {};
    if (upload === undefined || upload === last) continue;
    const state = ended ? undefined : await readState(calls, upload);
    if (!state && !ended) continue;
    last = upload;
    yield state ? { upload, size: sizeOf(state), changedAt: state.changedAt } : { upload, size: 0, changedAt };
  }
  for await (const { upload } of listMultiparts(calls)) {
    if (upload === last) continue;
    last = upload;
    if (await readState(calls, upload)) continue;
    const area = await multipartArea(calls, upload);
    if (area) yield { upload, ...area };
  }
}

/** Open multipart uploads of an upload, or of all. */
async function* listMultiparts(calls: S3Calls, upload = '') {
  for await (const found of calls.multiparts(contentPrefix + upload)) {
    const entry = parseContent(found.key);
    if (entry && !entry.digest) yield { ...found, upload: entry.upload };
  }
}

/** What is stored of an upload that was never synced: nobody was told of it. */
export async function multipartArea(calls: S3Calls, upload: string): Promise<StagingArea | undefined> {
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

/** Ends everything of an upload that could still become an object of parts, also where S3 carries that out late. */
export async function abortMultiparts(calls: S3Calls, upload: string): Promise<void> {
  // Some providers list multipart uploads by their whole key only.
  const recorded = await recordedMultipart(calls, upload);
  if (recorded) await calls.abort(contentKey(recorded.name), recorded.id);
  for await (const { key, id } of listMultiparts(calls, upload)) await calls.abort(key, id);
}

/**
 * Ends an upload: first what could still become an object, then the objects that no fact names, last the state, by which
 * a sweep finds what a crash between these leaves.
 */
export async function discardUpload(calls: S3Calls, upload: string, inUse: InUse, unsettled: boolean): Promise<void> {
  await abortMultiparts(calls, upload);
  await removeStrays(calls, upload, inUse);
  await endState(calls, upload, unsettled);
}

/** The fact of an upload's object is recorded: ends the rest of it. */
export async function releaseUpload(calls: S3Calls, upload: string, key: string, unsettled: boolean): Promise<void> {
  await removeStrays(calls, upload, async () => new Set([key]));
  await endState(calls, upload, unsettled);
}

async function endState(calls: S3Calls, upload: string, unsettled: boolean): Promise<void> {
  if (unsettled) await calls.put(endedKey(upload), undefined);
  await calls.remove(unsettled ? [stateKey(upload)] : [stateKey(upload), endedKey(upload)]);
}

/** Removes objects of an upload that no fact names, and none will: a removal may be carried out late, too. */
async function removeStrays(calls: S3Calls, upload: string, inUse: InUse): Promise<void> {
  const entries = await Array.fromAsync(listEntries(calls, upload));
  const named = entries.filter(({ digest }) => digest).map(({ key }) => key);
  const used = named.length > 0 ? await inUse(named) : new Set<string>();
  const kept = new Set([...used].flatMap((key) => [contentKey(key), nameKey(key)]));
  const stray = entries.map(({ key }) => contentPrefix + key).filter((key) => !kept.has(key));
  if (stray.length > 0) await calls.remove(stray);
}
