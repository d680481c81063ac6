import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Data of public projects, beside the checkout; its README.md says what is whose. */
const root = join(import.meta.dir, '..', '..', '..', 'shared', 'testdata');

/**
 * The absolute path of data for tests, such as `osv/Go/all.zip`; undefined where it is not at hand, which is said, so that
 * its tests are skipped. An error where skipping is forbidden.
 */
export function testdata(path: string): string | undefined {
  const file = join(root, path);
  if (existsSync(file)) return file;
  if (process.env['CI'] === 'true' || process.env['BONDED_NO_SKIP'] === '1') throw new Error(`there is no ${file}`);
  console.log(`left out: there is no ${file}`);
  return undefined;
}
