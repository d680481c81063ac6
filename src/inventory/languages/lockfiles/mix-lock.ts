import type { Reader } from '../../reader.ts';
import { decodeText, linesOf } from '../decode-text.ts';
import { createFindings } from '../findings.ts';
import { isInside, isNamed } from '../is-named.ts';

/** `"cowboy": {:hex, :cowboy, "2.9.0", …`: its own name is the second, in front may be another. */
const entry = /^ *"[^"]+": \{:hex, :"?(\w+)"?, "([^"]+)"/;

/** `mix.lock` of Elixir: what comes from Hex. */
export const mixLockReader: Reader = {
  name: 'mix-lock',
  maxBytes: 16 * 1024 * 1024,
  wants: (path) => isNamed(path, 'mix.lock') && !isInside(path, 'deps'),
  read(_path, bytes) {
    const findings = createFindings();
    for (const line of linesOf(decodeText(bytes))) {
      const [, name, version] = entry.exec(line) ?? [];
      if (name && version) findings.add({ type: 'hex', name, version });
    }
    return findings.result();
  },
};
