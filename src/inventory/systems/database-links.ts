import { apkReader } from './apk.ts';
import { dpkgReader } from './dpkg.ts';
import { rpmReader } from './rpm/index.ts';

const readers = [dpkgReader, apkReader, rpmReader];
const databases = [
  'var/lib/dpkg/status',
  'var/lib/dpkg/status.d/any',
  'lib/apk/db/installed',
  'usr/lib/apk/db/installed',
  ...['var/lib/rpm', 'usr/lib/sysimage/rpm', 'usr/share/rpm'].map((directory) => `${directory}/Packages`),
];

/** By path: the databases that are there, or below. */
const below = new Map<string, string[]>();
for (const database of databases) {
  for (let at = database.length; at > 0; at = database.lastIndexOf('/', at - 1)) {
    const path = database.slice(0, at);
    below.set(path, [...(below.get(path) ?? []), database]);
  }
}

/**
 * Whether a symbolic link puts a database of packages where none is looked for: then what is in it is not found. Links that
 * distributions have (`lib` to `usr/lib`, `var/lib/rpm` to `usr/lib/sysimage/rpm`) lead from one place to another.
 */
export function leadsAway(path: string, target: string): boolean {
  const found = below.get(path);
  if (!found) return false;
  const resolved = resolve(path, target);
  return found.some((database) => {
    const place = `${resolved}${database.slice(path.length)}`;
    return !readers.some((reader) => reader.wants(place, { mode: 0o644, size: 1 }));
  });
}

/** From the root of the image, above which nothing is. */
function resolve(path: string, target: string): string {
  const segments = target.startsWith('/') ? [] : path.split('/').slice(0, -1);
  for (const segment of target.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments.join('/');
}
