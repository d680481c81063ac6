import type { Reader } from '../../reader.ts';
import { decodeText, linesOf } from '../decode-text.ts';
import { createFindings } from '../findings.ts';
import { isInside, isNamed } from '../is-named.ts';

const assignment = /^(name|version|source) = "([^"]*)"\s*$/;

/**
 * `Cargo.lock`: what a Rust program was built from, where its binary does not say so itself. The lockfiles inside of crates
 * that were downloaded say nothing of this image.
 */
export const cargoLockReader: Reader = {
  name: 'cargo-lock',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) =>
    isNamed(path, 'Cargo.lock') &&
    !['vendor', 'registry/src', 'git/checkouts'].some((folder) => isInside(path, folder)),
  read(_path, bytes) {
    const findings = createFindings();
    let open: Record<string, string> | undefined;
    const close = () => {
      const { name, version, source } = open ?? {};
      // Without a source it is the program itself, or a part of it.
      if (name && version && source) findings.add({ type: 'cargo', name, version });
    };
    for (const line of linesOf(decodeText(bytes))) {
      if (line.startsWith('[')) {
        close();
        open = line.trimEnd() === '[[package]]' ? {} : undefined;
      } else if (open) {
        const [, key, value] = assignment.exec(line) ?? [];
        if (key) open[key] = value ?? '';
      }
    }
    close();
    return findings.result();
  },
};
