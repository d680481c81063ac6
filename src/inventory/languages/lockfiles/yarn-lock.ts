import type { Reader } from '../../reader.ts';
import { decodeText, linesOf } from '../decode-text.ts';
import { createFindings } from '../findings.ts';
import { npmName } from '../npm.ts';
import { isOwnLockfile } from './package-lock.ts';

/** The first of the patterns that an entry is for: `"@babel/core@^7.0.0", "@babel/core@^7.1.0":`. */
const entry = /^"?((?:@[^/@",\s]+\/)?[^@",\s]+)@(npm:(?:@[^/@",\s]+\/)?[^@",\s]+@)?/;
/** Of version 1 `version "1.2.3"`, of later ones `version: 1.2.3`. */
const version = /^ {2}version:? "?([^"\s]+)"?\s*$/;
const resolution = /^ {2}resolution: "((?:@[^/@"]+\/)?[^@"]+)@(\w+):/;

/** `yarn.lock` of version 1 and of later ones. It does not say what only development needs, so that all of it is taken. */
export const yarnLockReader: Reader = {
  name: 'yarn-lock',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) => isOwnLockfile(path, 'yarn.lock'),
  read(_path, bytes) {
    const findings = createFindings();
    let open: { name: string; version?: string; local?: boolean } | undefined;
    const close = () => {
      if (!open?.version || open.local || !/^\d/.test(open.version)) return;
      findings.add({ type: 'npm', ...npmName(open.name), version: open.version });
    };
    for (const line of linesOf(decodeText(bytes))) {
      if (line !== '' && !line.startsWith(' ') && !line.startsWith('#')) {
        close();
        const match = entry.exec(line);
        // An alias, `"here@npm:there@^1.0.0"`, is a package of the other name.
        const name = match?.[2] ? match[2].slice('npm:'.length, -1) : match?.[1];
        open = name === undefined || name === '__metadata:' ? undefined : { name };
      } else if (open) {
        const [, said] = version.exec(line) ?? [];
        if (said) open.version = said;
        const [, name, protocol] = resolution.exec(line) ?? [];
        if (name) open = { ...open, name, local: protocol !== 'npm' && protocol !== 'patch' };
      }
    }
    close();
    return findings.result();
  },
};
