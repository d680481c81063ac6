import type { Reader } from '../reader.ts';
import { npmPackageIn } from './npm.ts';
import { createFindings } from './findings.ts';
import { MalformedFile } from './malformed-file.ts';

/** Files of pnpm's store are called by their hash, those of Bun's cache lie in folders of name and version. */
const store = /(?:^|\/)v\d+\/files\/[0-9a-f]{2}\/[0-9a-f]{60,}$/;
const cache = /(?:^|\/)\.bun\/install\/cache\/.+\/package\.json$/;
/** No `package.json` is larger; maps and data of packages are. */
const maxBytes = 1024 * 1024;

/** Whether it is a copy that a package manager keeps to install from: what is installed is elsewhere. */
export function isNpmCache(path: string): boolean {
  return (path.includes('/files/') && store.test(path)) || (path.includes('.bun/install/cache/') && cache.test(path));
}

/**
 * `package.json` in the store of pnpm and the cache of Bun. What they install are hard links to these, and an archive has the
 * bytes of a file once, under whichever name comes first. By its name alone nobody would know what that one is.
 */
export const npmCacheReader: Reader = {
  name: 'npm',
  maxBytes,
  wants: (path, { size }) => size <= maxBytes && isNpmCache(path),
  recognises: (head) => /^\s*\{/.test(new TextDecoder().decode(head.subarray(0, 64))),
  read(_path, bytes) {
    const findings = createFindings();
    try {
      const found = npmPackageIn(bytes);
      if (found) findings.add(found);
    } catch (error) {
      // Any file of any package may be here.
      if (!(error instanceof MalformedFile)) throw error;
    }
    return findings.result();
  },
};
