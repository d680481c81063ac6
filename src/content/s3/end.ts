import type { InUse } from '../blob-store.ts';
import type { S3Calls } from './calls.ts';
import { contentKey, contentPrefix, endedKey, nameKey, stateKey } from './keys.ts';
import { listEntries, listMultiparts, listStates } from './list.ts';
import { keepForSweep, stateOf } from './state.ts';

/** Ends the multipart uploads that these states name. */
export async function abortNamed(calls: S3Calls, states: readonly string[]): Promise<void> {
  for (const key of states) {
    const found = await calls.head(key);
    const multipart = found && stateOf(key, found)?.multipart;
    if (multipart) await calls.abort(contentKey(multipart.name), multipart.id);
  }
}

/**
 * Ends an upload: first what could still become an object of parts, also where S3 carries that out late; then the objects
 * that no fact names; last the states, by which a sweep finds what a crash between these leaves.
 */
export async function discardUpload(calls: S3Calls, upload: string, inUse: InUse, unsettled: boolean): Promise<void> {
  const states: string[] = [];
  let ended = false;
  for await (const found of listStates(calls, upload)) {
    states.push(...found.keys);
    ended ||= found.ended;
  }
  // Some providers list multipart uploads by their whole key only.
  await abortNamed(calls, states);
  for await (const { key, id } of listMultiparts(calls, upload)) await calls.abort(key, id);
  await removeStrays(calls, upload, inUse);
  if (unsettled) await keepForSweep(calls, upload);
  await calls.remove(ended && !unsettled ? [...states, endedKey(upload)] : states);
}

/** The fact of an upload's object is recorded: ends the rest of it that facts knew of. */
export async function releaseUpload(calls: S3Calls, upload: string, key: string, mark: string | null): Promise<void> {
  await removeStrays(calls, upload, async () => new Set([key]));
  if (mark !== null) await calls.remove([stateKey(upload, mark)]);
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
