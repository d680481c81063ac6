import { z } from 'zod';
import { editJson, isJson, objectAt, readJson, removeAt } from './json-file.ts';

/** Ways to log in that need no person, so that a program can go them again. */
const renewable = ['operator', 'kubernetes', 'github', 'gitlab', 'azure', 'aws', 'google'] as const;

export function isRenewable(method: string): method is (typeof renewable)[number] {
  return (renewable as readonly string[]).includes(method);
}

const words = z.string().max(512).optional();
const path = z.string().max(4096).optional();

const recordedLogin = z.strictObject({
  method: z.enum(renewable),
  /** Scheme and authority of the registry. */
  origin: z.string().max(512),
  audience: words,
  data: path,
  tokenFile: path,
  clientId: words,
  tenantId: words,
  /** PEM file of an authority. */
  ca: path,
});

/** How a login is made again. Nothing in it is secret. */
export type RecordedLogin = z.output<typeof recordedLogin>;

const recordedProvider = z.strictObject({
  issuer: z.string().max(512),
  clientId: z.string().max(512),
  scope: words,
  audience: words,
});

/** The identity provider by which somebody last logged in. */
export type RecordedProvider = z.output<typeof recordedProvider>;

/** The logins that are recorded in a file, by host. */
export async function readLogins(file: string): Promise<Map<string, RecordedLogin>> {
  return read(file, 'logins', recordedLogin);
}

export async function recordLogin(file: string, host: string, login: RecordedLogin): Promise<void> {
  await editJson(file, (json) => {
    objectAt(json, 'logins')[host] = login;
  });
}

/** Resolves with whether there was one. */
export async function forgetLogin(file: string, host: string): Promise<boolean> {
  // None is made for that.
  if ((await readJson(file)) === undefined) return false;
  let was = false;
  await editJson(file, (json) => {
    was = isJson(json['logins']) && Object.hasOwn(json['logins'], host);
    removeAt(json, 'logins', host);
  });
  return was;
}

export async function readProvider(file: string, host: string): Promise<RecordedProvider | undefined> {
  return (await read(file, 'providers', recordedProvider)).get(host);
}

export async function recordProvider(file: string, host: string, provider: RecordedProvider): Promise<void> {
  await editJson(file, (json) => {
    objectAt(json, 'providers')[host] = provider;
  });
}

/** What another version wrote is left alone. */
async function read<T>(file: string, key: string, schema: z.ZodType<T>): Promise<Map<string, T>> {
  const entries = (await readJson(file))?.[key];
  const found = new Map<string, T>();
  for (const [host, value] of isJson(entries) ? Object.entries(entries) : []) {
    const { data } = schema.safeParse(value);
    if (data !== undefined) found.set(host, data);
  }
  return found;
}
