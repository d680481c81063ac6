import type { Reader } from '../../reader.ts';
import { createFindings } from '../findings.ts';
import { MalformedFile } from '../malformed-file.ts';
import { findGoBuildInfo } from './go-build-info.ts';
import { goPackages } from './go-packages.ts';
import { isPacked, packedWarning } from './packed.ts';
import { formatOf, readExecutables } from './read-executables.ts';
import { readLargeExecutable } from './read-large.ts';
import { rustPackages } from './rust-packages.ts';

/** No program with modules in it is smaller; most scripts and small tools of a distribution are. */
const minBytes = 64 * 1024;

/** Programs that say themselves what they were built from: of Go, and of Rust with cargo-auditable. */
export const executableReader: Reader = {
  name: 'executable',
  maxBytes: 128 * 1024 * 1024,
  wants: (path, { mode, size }) => size >= minBytes && ((mode & 0o111) !== 0 || path.endsWith('.exe')),
  recognises: (head) => formatOf(head) !== undefined,
  read(_path, bytes) {
    const findings = createFindings();
    for (const executable of readExecutables(bytes)) {
      const info = findGoBuildInfo(executable);
      for (const found of info ? goPackages(info) : []) findings.add(found);
      try {
        for (const found of rustPackages(executable)) findings.add(found);
      } catch (error) {
        if (!(error instanceof MalformedFile)) throw error;
        findings.warn(error.message);
      }
      if (!info && isPacked(executable)) findings.warn(packedWarning);
    }
    return findings.result();
  },
  readLarge: readLargeExecutable,
};
