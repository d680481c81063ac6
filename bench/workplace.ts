import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes a directory for everything that a run leaves, some gigabytes. It goes with the process, also with one that is
 * interrupted.
 */
export function makeWorkplace(within: string, prefix: string): string {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
  const directory = mkdtempSync(join(within, prefix));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
