import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { closeToGroup, makePrivateFile, readPrivateFile } from './private-file.ts';

/** `<data>/keys/secret`: what keys are sealed under where the configuration has no secret. */
export function secretFile(dataDirectory: string): string {
  return join(dataDirectory, 'keys', 'secret');
}

/** The secret of that file; undefined where there is none. Throws an Error for the operator where it is of no use. */
export async function readSecretFile(dataDirectory: string): Promise<string | undefined> {
  const path = secretFile(dataDirectory);
  await closeToGroup(path);
  const secret = (await readPrivateFile(path))?.trimEnd();
  if (secret !== undefined && secret.length < 43) throw new Error(`${path} is damaged; restore it from a backup`);
  return secret;
}

/** Makes it, once; resolves with the secret that it has, whoever made it. */
export async function ensureSecretFile(dataDirectory: string): Promise<string> {
  const found = await readSecretFile(dataDirectory);
  if (found !== undefined) return found;
  await makePrivateFile(secretFile(dataDirectory), `${randomBytes(32).toString('base64url')}\n`);
  return (await readSecretFile(dataDirectory))!;
}
