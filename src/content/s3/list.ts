import type { StagingArea, StoredObject } from '../blob-store.ts';
import type { S3Calls } from './calls.ts';
import {
  contentKey,
  contentPrefix,
  nameKey,
  parseName,
  stateKey,
  statePrefix,
  uploadOfContent,
  uploadOfState,
} from './keys.ts';
import { readState, sizeOf } from './state.ts';

/**
 * Every object with its name, which comes right after it in a listing. One that has none is an upload that was being
 * published, or what is left of one. Of two names, which a publish whose fact was lost can leave, the later one holds.
 */
export async function* listObjects(calls: S3Calls): AsyncGenerator<StoredObject> {
  let found: StoredObject | undefined;
  let namedAt = -1;
  for await (const { key, changedAt } of calls.list(contentPrefix)) {
    const upload = uploadOfContent(key);
    if (upload !== undefined) {
      if (found) yield found;
      found = { key: upload, upload, digest: undefined };
      namedAt = -1;
      continue;
    }
    const name = parseName(key);
    if (name?.upload !== found?.upload || !name || changedAt < namedAt) continue;
    found = name;
    namedAt = changedAt;
  }
  if (found) yield found;
}

/** Every upload that has a state, or only an open multipart upload, which the state of none names. */
export async function* listUploads(calls: S3Calls): AsyncGenerator<StagingArea & { upload: string }> {
  for await (const { key } of calls.list(statePrefix)) {
    const upload = uploadOfState(key);
    const state = upload === undefined ? undefined : await readState(calls, upload);
    if (state && upload !== undefined) yield { upload, size: sizeOf(state), changedAt: state.changedAt };
  }
  let last: string | undefined;
  for await (const { key } of calls.multiparts(contentPrefix)) {
    const upload = uploadOfContent(key);
    if (upload === undefined || upload === last) continue;
    last = upload;
    if (await readState(calls, upload)) continue;
    const area = await multipartArea(calls, upload);
    if (area) yield { upload, ...area };
  }
}

/** What is stored of an upload that was never synced: nobody was told of it. */
export async function multipartArea(calls: S3Calls, upload: string): Promise<StagingArea | undefined> {
  let area: StagingArea | undefined;
  for await (const { key, id, startedAt } of calls.multiparts(contentKey(upload))) {
    if (key !== contentKey(upload)) continue;
    area ??= { size: 0, changedAt: 0 };
    area.changedAt = Math.max(area.changedAt, startedAt);
    for (const part of (await calls.parts(key, id)) ?? []) {
      area.size += part.size;
      area.changedAt = Math.max(area.changedAt, part.changedAt);
    }
  }
  return area;
}

/** Removes the names of an upload's object, but for one. */
export async function removeNames(calls: S3Calls, upload: string, except: string): Promise<void> {
  const names: string[] = [];
  for await (const { key } of calls.list(contentKey(upload))) {
    if (parseName(key) && key !== nameKey(except)) names.push(key);
  }
  if (names.length > 0) await calls.remove(names);
}

/**
 * Ends an upload: first what could still become an object, then an object that no fact names, last the state, by which
 * a sweep finds what a crash between these leaves.
 */
export async function discardUpload(
  calls: S3Calls,
  upload: string,
  inUse: (keys: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<void> {
  const content = contentKey(upload);
  for await (const { key, id } of calls.multiparts(content)) if (key === content) await calls.abort(key, id);
  const named: string[] = [];
  let found = false;
  for await (const { key } of calls.list(content)) {
    if (key === content) found = true;
    const name = parseName(key);
    if (name) named.push(name.key);
  }
  const used = found ? await inUse(named) : new Set<string>();
  const stray = used.size > 0 ? [] : [...(found ? [content] : []), ...named.map(nameKey)];
  if (stray.length > 0) await calls.remove(stray);
  await calls.remove([stateKey(upload)]);
}
