import type { Reader } from '../../reader.ts';
import { decodeText, linesOf } from '../decode-text.ts';
import { createFindings } from '../findings.ts';
import { isInside, isNamed } from '../is-named.ts';

const key = /^ {2}(\w+):\s*$/;
const field = /^ {4}(dependency|source|version): "?([^"]*)"?\s*$/;

/** `pubspec.lock` of Dart: what comes from a server, without what only development needs. */
export const pubspecLockReader: Reader = {
  name: 'pubspec-lock',
  maxBytes: 16 * 1024 * 1024,
  wants: (path) => isNamed(path, 'pubspec.lock') && !isInside(path, '.pub-cache'),
  read(_path, bytes) {
    const findings = createFindings();
    let inPackages = false;
    let open: Record<string, string> = {};
    const close = () => {
      const { name, source, version, dependency } = open;
      if (name && version && source === 'hosted' && dependency !== 'direct dev')
        findings.add({ type: 'pub', name, version });
      open = {};
    };
    for (const line of linesOf(decodeText(bytes))) {
      if (/^\S/.test(line)) {
        close();
        inPackages = /^packages:\s*$/.test(line);
      }
      if (!inPackages) continue;
      const name = key.exec(line)?.[1];
      if (name) {
        close();
        open = { name };
      }
      const [, said, value] = field.exec(line) ?? [];
      if (said) open[said] = value ?? '';
    }
    close();
    return findings.result();
  },
};
