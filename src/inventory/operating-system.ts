import type { OsRelease } from './reader.ts';
import { osFiles } from './systems/index.ts';

/**
 * The distribution of an image, from the files that say so, the best one first. What one leaves out, the next may have where it
 * speaks of the same: derivatives keep `etc/debian_version` of what they derive from.
 */
export function operatingSystemOf(said: ReadonlyMap<string, Partial<OsRelease>>): OsRelease | undefined {
  const os: Partial<OsRelease> = {};
  for (const path of osFiles.keys()) {
    const more = said.get(path);
    if (!more || (os.id !== undefined && more.id !== undefined && more.id.toLowerCase() !== os.id.toLowerCase()))
      continue;
    Object.assign(os, { ...more, ...os });
  }
  const { id, ...rest } = os;
  return id === undefined || id === '' ? undefined : { id, ...rest };
}
