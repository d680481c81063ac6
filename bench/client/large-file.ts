import { open } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { curlFlags } from './authorization.ts';
import { run, type Situation } from '../shape.ts';

/** A file of random bytes, as large as a large blob. */
export async function randomFile({ directory, scale }: Situation, name: string): Promise<string> {
  const file = join(directory, name);
  const handle = await open(file, 'w');
  const block = randomBytes(4 * 1024 * 1024);
  for (let left = scale.blobBytes; left > 0; left -= block.byteLength) {
    block.writeDoubleLE(left, 0);
    await handle.write(block.subarray(0, Math.min(left, block.byteLength)));
  }
  await handle.close();
  return file;
}

/** Makes another content of it, which no server has seen. */
export async function changeFile(file: string): Promise<string> {
  const handle = await open(file, 'r+');
  await handle.write(randomBytes(32), 0, 32, 64);
  await handle.close();
  return digestOfFile(file);
}

export async function digestOfFile(file: string): Promise<string> {
  const output = await run(['openssl', 'dgst', '-sha256', file]);
  return `sha256:${output.trim().slice(-64)}`;
}

/** What sends a file. curl's own wait for `100 Continue` would be measured otherwise. */
export function putCommand(file: string, url: string): string[] {
  const type = 'Content-Type: application/octet-stream';
  return ['curl', ...curlFlags(url), '-sSf', '-o', '/dev/null', '-T', file, '-H', 'Expect:', '-H', type, url];
}
