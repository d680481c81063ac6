import { isLanguageFile } from '../languages/index.ts';
import type { Reader } from '../reader.ts';
import { linesOf } from './text-lines.ts';

/**
 * Which files a package of dpkg has brought: `var/lib/dpkg/info/PACKAGE.list`, written whenever the package is unpacked, and
 * the sums beside each package of distroless.
 */
export const dpkgFilesReader: Reader = {
  name: 'dpkg-files',
  wants: (path) =>
    path.startsWith('var/lib/dpkg/') &&
    (path.startsWith('var/lib/dpkg/info/') ? path.endsWith('.list') : path.endsWith('.md5sums')),
  read(path, bytes) {
    const paths: string[] = [];
    const sums = path.endsWith('.md5sums');
    for (const line of linesOf(bytes)) {
      const owned = (sums ? line.slice(line.indexOf('  ') + 2) : line).replace(/^(?:\.?\/)+/, '');
      if (isLanguageFile(owned)) paths.push(owned);
    }
    return { packages: [], ...(paths.length > 0 && { owns: [{ by: '', paths }] }) };
  },
};
