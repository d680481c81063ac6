import { join } from 'node:path';

/** The path by which this program can be started again: of the binary, or `bin/bonded` of the checkout. */
export function programPath(): string {
  return Bun.isStandaloneExecutable ? process.execPath : join(Bun.main, '..', '..', 'bin', 'bonded');
}
