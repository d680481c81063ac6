import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorizationFor } from '../../test/support/credentials.ts';

/*
 * What requests of benchmarks to Bonded say of who sends them; peers ask for nothing, and get nothing. Credentials
 * expire, so this is asked for each request, or each start of a program that sends many.
 */

/** Lines of a head, each with its end; empty for a server that is not ours. */
export function authorizationLine(url: string): string {
  const value = authorizationFor(url);
  return value === undefined ? '' : `Authorization: ${value}\r\n`;
}

/** What makes curl send it, from a file. */
export function curlFlags(url: string): string[] {
  const value = authorizationFor(url);
  return value === undefined ? [] : ['--config', secretFile('curl', `header = "Authorization: ${value}"\n`)];
}

/**
 * What makes wrk send it, or another `value` (null: none), from a script that does nothing else: requests are still made
 * once.
 */
export function wrkFlags(url: string, value: string | null = authorizationFor(url) ?? null): string[] {
  return value === null ? [] : ['-s', secretFile('wrk.lua', `wrk.headers["Authorization"] = "${value}"\n`)];
}

let directory: string | undefined;

/** A file for nobody else's eyes, which is replaced while others read it. */
function secretFile(name: string, text: string): string {
  if (directory === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'bonded-bench-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    directory = made;
  }
  const file = join(directory, name);
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return file;
}
