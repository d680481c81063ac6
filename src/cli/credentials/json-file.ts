import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readFile, realpath, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

export type Json = Record<string, unknown>;

/** A JSON object in a file; undefined where there is no file. Throws an Error that names the file. */
export async function readJson(path: string): Promise<Json | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  // Docker takes an empty file for an empty one.
  if (text.trim() === '') return {};
  const value = parsed(text);
  if (!isJson(value)) throw new Error(`${path} is no JSON object; mend or remove it`);
  return value;
}

/**
 * Changes a JSON object in a file that others share: what `change` does not touch stays, in its order and indented as it
 * was. For its user alone from then on, and never seen half written. Nothing is written where nothing changes.
 */
export async function editJson(path: string, change: (json: Json) => void): Promise<void> {
  // A link stays one: people keep such files elsewhere.
  const target = await realpath(path).catch(() => path);
  const before = await readText(target);
  const json = (await readJson(target)) ?? {};
  const was = JSON.stringify(json);
  change(json);
  if (JSON.stringify(json) === was) return;
  const indent = /^\{\r?\n([\t ]+)/.exec(before ?? '')?.[1] ?? '\t';
  await writePrivate(target, `${JSON.stringify(json, undefined, indent)}\n`);
}

/** The object at a key of an object, made where there is none. */
export function objectAt(json: Json, key: string): Json {
  const value = json[key];
  if (isJson(value)) return value;
  const made: Json = {};
  json[key] = made;
  return made;
}

/** Removes an entry, and what it was in where that is empty then. */
export function removeAt(json: Json, key: string, entry: string): void {
  const value = json[key];
  if (!isJson(value) || !Object.hasOwn(value, entry)) return;
  delete value[entry];
  if (Object.keys(value).length === 0) delete json[key];
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Beside it first, then in its place at once. */
async function writePrivate(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(8).toString('hex')}.new`;
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await rename(draft, path);
  } catch (error) {
    await file.close().catch(() => {});
    await unlink(draft).catch(() => {});
    throw error;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the cause: it may quote what is secret.
    return undefined;
  }
}
