import { z } from 'zod';
import { editJson, isJson, objectAt, readJson, removeAt } from './json-file.ts';

/** Ways to log in that need no person, so that a program can go them again. */
const renewable = ['operator', 'kubernetes', 'github', 'gitlab', 'azure', 'aws', 'google'] as const;

export function isRenewable(method: string): method is (typeof renewable)[number] {
  return (renewable as readonly string[]).includes(method);
}

const recordedLogin = z.strictObject({
  method: z.enum(renewable),
  /** Scheme and authority of the registry. */
  origin: z.string().max(512),
  audience: z.string().max(512),
  data: z.string().max(4096).optional(),
  tokenFile: z.string().max(4096).optional(),
  clientId: z.string().max(512).optional(),
  tenantId: z.string().max(512).optional(),
  /** PEM file of an authority. */
  ca: z.string().max(4096).optional(),
});

/** How a login is made again. Nothing in it is secret. */
export type RecordedLogin = z.output<typeof recordedLogin>;

/** The logins that are recorded in a file, by host. */
export async function readLogins(path: string): Promise<Map<string, RecordedLogin>> {
  const logins = (await readJson(path))?.['logins'];
  const entries = isJson(logins) ? Object.entries(logins) : [];
  // What another version wrote is left alone.
  return new Map(
    entries.flatMap(([host, value]) => {
      const { data } = recordedLogin.safeParse(value);
      return data ? [[host, data] as const] : [];
    }),
  );
}

export async function recordLogin(path: string, host: string, login: RecordedLogin): Promise<void> {
  await editJson(path, (json) => {
    objectAt(json, 'logins')[host] = login;
  });
}

/** Resolves with whether there was one. */
export async function forgetLogin(path: string, host: string): Promise<boolean> {
  let was = false;
  await editJson(path, (json) => {
    was = isJson(json['logins']) && Object.hasOwn(json['logins'], host);
    removeAt(json, 'logins', host);
  });
  return was;
}
