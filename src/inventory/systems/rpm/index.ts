import type { FoundPackage, OwnedFiles, Reader, ReadResult } from '../../reader.ts';
import { headersOfBerkeleyDb } from './berkeley-db.ts';
import { languageFilesOfHeader } from './file-names.ts';
import { packageOfHeader } from './header.ts';
import { packagesOfManifest } from './manifest.ts';
import { headersOfNdb } from './ndb.ts';
import { rowsOfSqlite } from './sqlite.ts';

/** Where rpm keeps its database: since always, since Fedora 36 and in SUSE, with rpm-ostree. */
const directories = ['var/lib/rpm/', 'usr/lib/sysimage/rpm/', 'usr/share/rpm/'];
const manifest = 'var/lib/rpmmanifest/container-manifest-2';
const log = 'rpmdb.sqlite-wal';

const databases: Record<string, (bytes: Uint8Array) => Iterable<Uint8Array>> = {
  'rpmdb.sqlite': headersOfSqlite,
  'Packages.db': headersOfNdb,
  Packages: headersOfBerkeleyDb,
};

/** What rpm has installed: its three kinds of databases, and the list in images without one. */
export const rpmReader: Reader = {
  name: 'rpm',
  maxBytes: 256 * 1024 * 1024,
  wants(path, { size }) {
    if (path === manifest) return true;
    const name = fileOf(path);
    return name !== undefined && (name === log ? size > 0 : Object.hasOwn(databases, name));
  },
  read(path, bytes): ReadResult {
    if (path === manifest) return packagesOfManifest(bytes);
    const name = fileOf(path)!;
    // What is in the log counts before what is in the database, and the two are in one layer or in none.
    if (name === log) return { packages: [], warnings: ['the log of the database was not copied into it'] };
    return packagesOf(databases[name]!(bytes));
  },
};

function fileOf(path: string): string | undefined {
  const directory = directories.find((one) => path.startsWith(one));
  return directory && path.slice(directory.length);
}

/** One header that is none costs its own package; a database that is none costs those that come after. */
function packagesOf(headers: Iterable<Uint8Array>): ReadResult {
  const packages: FoundPackage[] = [];
  const owns: OwnedFiles[] = [];
  const warnings: string[] = [];
  let broken = 0;
  try {
    for (const header of headers) {
      try {
        const found = packageOfHeader(header);
        if (!found) continue;
        packages.push(found);
        const paths = languageFilesOfHeader(header);
        if (paths.length > 0) owns.push({ by: `${found.name} ${found.version}`, paths });
      } catch {
        broken++;
      }
    }
  } catch (error) {
    warnings.push((error as Error).message);
  }
  if (broken > 0) warnings.push(`${broken} headers are none`);
  return { packages, owns, warnings };
}

function* headersOfSqlite(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (const [, blob] of rowsOfSqlite(bytes, 'Packages')) if (blob instanceof Uint8Array) yield blob;
}
