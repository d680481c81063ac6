import type { Reader } from '../../reader.ts';
import { decodeText, linesOf } from '../decode-text.ts';
import { createFindings } from '../findings.ts';
import { npmName } from '../npm.ts';
import { isOwnLockfile } from './package-lock.ts';

/** A package in its place, with its own name and version in front: `"ws": ["ws@8.0.0", "", {}, "sha512-…"],`. */
const entry = /^ {4}"[^"]+": \["((?:@[^/@"]+\/)?[^@"]+)@(?:npm:)?(\d[^"]*)"/;

/** `bun.lock`, of which Bun writes each package into a line. It does not say what only development needs. */
export const bunLockReader: Reader = {
  name: 'bun-lock',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) => isOwnLockfile(path, 'bun.lock'),
  read(_path, bytes) {
    const findings = createFindings();
    let inPackages = false;
    for (const line of linesOf(decodeText(bytes))) {
      if (/^ {2}\S/.test(line)) inPackages = line.startsWith('  "packages": {');
      const [, name, version] = (inPackages && entry.exec(line)) || [];
      if (name && version) findings.add({ type: 'npm', ...npmName(name), version });
    }
    return findings.result();
  },
};
