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
export async function readSecret({ name, username, file, environment }: ImportSecret): Promise<Credentials> {
  const text = file === undefined ? process.env[environment!] : await readBounded(name, file);
  const password = text?.replace(/\r?\n$/, '');
  if (password === undefined || password === '') {
    throw importFailed(`the secret ${name} is empty here; its file or variable must have the password`);
  }
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
