import type { Reader } from '../../reader.ts';
import { decodeText, linesOf } from '../decode-text.ts';
import { createFindings } from '../findings.ts';
import { platformOf } from '../gem.ts';
import { isInside, isNamed } from '../is-named.ts';

/** A gem of a section: four spaces, its name, and its version with the platform behind it. What it needs is deeper. */
const spec = /^ {4}([\w.-]+) \((\d[\w.]*)(?:-([\w.-]+))?\)\s*$/;

/** `Gemfile.lock`: gems from servers and from git. Those of a PATH are the application itself. */
export const gemfileLockReader: Reader = {
  name: 'gemfile-lock',
  maxBytes: 16 * 1024 * 1024,
  wants: (path) => (isNamed(path, 'Gemfile.lock') || isNamed(path, 'gems.locked')) && !isInside(path, 'gems'),
  read(_path, bytes) {
    const findings = createFindings();
    let taken = false;
    for (const line of linesOf(decodeText(bytes))) {
      if (/^\S/.test(line)) taken = /^(?:GEM|GIT)\s*$/.test(line);
      if (!taken) continue;
      const [, name, version, platform] = spec.exec(line) ?? [];
      if (name && version) findings.add({ type: 'gem', name, version, ...platformOf(platform) });
    }
    return findings.result();
  },
};
