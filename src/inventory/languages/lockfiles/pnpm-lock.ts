import type { Reader } from '../../reader.ts';
import { decodeText, linesOf } from '../decode-text.ts';
import { createFindings } from '../findings.ts';
import { npmName } from '../npm.ts';
import { isOwnLockfile } from './package-lock.ts';

/** Of versions 6 and later: `/@scope/name@1.2.3(peer@4.0.0)`, and from 9 on without the slash. */
const withAt = /^\/?((?:@[^/@]+\/)?[^/@]+)@(\d[^(_]*)/;
/** Of version 5 and earlier: `/@scope/name/1.2.3_peer@4.0.0`. */
const withSlash = /^\/((?:@[^/@]+\/)?[^/@]+)\/(\d[^/(_]*)/;

/** `pnpm-lock.yaml`: the keys of its `packages`, without those that say they are for development. */
export const pnpmLockReader: Reader = {
  name: 'pnpm-lock',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) => isOwnLockfile(path, 'pnpm-lock.yaml'),
  read(_path, bytes) {
    const findings = createFindings();
    let inPackages = false;
    let open: { key: string; dev: boolean } | undefined;
    const close = () => {
      const match = open && !open.dev ? (withAt.exec(open.key) ?? withSlash.exec(open.key)) : null;
      if (match) findings.add({ type: 'npm', ...npmName(match[1]!), version: match[2]! });
      open = undefined;
    };
    for (const line of linesOf(decodeText(bytes))) {
      if (/^\S/.test(line)) {
        close();
        inPackages = /^packages:\s*$/.test(line);
      } else if (inPackages && /^ {2}\S/.test(line)) {
        close();
        const key = /^ {2}(?:'([^']+)'|"([^"]+)"|([^\s'"][^\s]*)):(?:\s|$)/.exec(line);
        const text = key?.[1] ?? key?.[2] ?? key?.[3];
        if (text) open = { key: text, dev: false };
      } else if (open && /^ {4}dev: true\s*$/.test(line)) open.dev = true;
    }
    close();
    return findings.result();
  },
};
