import { readFile } from 'node:fs/promises';
import { importFailed } from '../failure.ts';
import type { ImportSecret } from '../config.ts';

export interface Credentials {
  username: string;
  password: string;
}

/** Longest password (bytes): tokens of identity providers are passwords, too. */
const longest = 64 * 1024;

/** The credentials that the operator has configured. Read each time, because something may renew them. */
export async function readSecret({ name, username, file }: ImportSecret): Promise<Credentials> {
  const password = (await readBounded(name, file)).replace(/\r?\n$/, '');
  if (password === '') throw importFailed(`the secret ${name} is empty here; its file must have the password`);
  return { username, password };
}

async function readBounded(name: string, file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length <= longest) return text;
  } catch (error) {
    throw importFailed(`the secret ${name} cannot be read on this server; the log has the reason`, error);
  }
  throw importFailed(`the secret ${name} is longer than ${longest} bytes`);
}

export function basicOf({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
