import type { FoundPackage } from '../reader.ts';
import { isInside } from './is-named.ts';
import { isNpmCache } from './npm-cache.ts';

/** A file of an image's final state, with what its reader found in it. */
export interface FileInImage {
  path: string;
  reader: string;
  packages: readonly FoundPackage[];
}

/**
 * Which files do not count: copies from which package managers install, and lockfiles where what they wish for is installed in
 * the same image, and says itself what it is:
 *
 *     package-lock, yarn-lock, pnpm-lock, bun-lock   where there is a node_modules beside them
 *     composer-lock                                  where there is vendor/composer/installed.json beside it
 *     nuget-lock                                     where there is a .deps.json beside or below it
 *     gemfile-lock                                   where one of its gems is installed, wherever that is
 *
 * `Cargo.lock` always counts: most Rust programs do not say what they were built from. Returns paths.
 */
export function supersededFiles(files: readonly FileInImage[]): Set<string> {
  const installed = installedThings(files);
  return new Set(files.filter((file) => isSuperseded(file, installed)).map(({ path }) => path));
}

interface InstalledThings {
  /** Folders, with a slash at the end but for the root, that have a `node_modules`. */
  npm: Set<string>;
  composer: Set<string>;
  /** Folders of `.deps.json` and all above them. */
  nuget: Set<string>;
  gems: Set<string>;
}

function installedThings(files: readonly FileInImage[]): InstalledThings {
  const found: InstalledThings = { npm: new Set(), composer: new Set(), nuget: new Set(), gems: new Set() };
  for (const { path, reader, packages } of files) {
    if (reader === 'npm') {
      for (const match of path.matchAll(/(?<=^|\/)node_modules\//g)) found.npm.add(path.slice(0, match.index));
    } else if (reader === 'composer') {
      const end = 'vendor/composer/installed.json';
      if (path.endsWith(end)) found.composer.add(path.slice(0, -end.length));
    } else if (reader === 'nuget') {
      for (let folder = folderOf(path); ; folder = folderOf(folder.slice(0, -1))) {
        found.nuget.add(folder);
        if (folder === '') break;
      }
    } else if (reader === 'gem' && !path.includes('specifications/default/')) {
      for (const gem of packages) found.gems.add(gemKey(gem));
    }
  }
  return found;
}

function isSuperseded({ path, reader, packages }: FileInImage, installed: InstalledThings): boolean {
  switch (reader) {
    case 'npm':
      return isNpmCache(path);
    case 'python':
      return isInside(path, '.cache/uv');
    case 'package-lock':
    case 'yarn-lock':
    case 'pnpm-lock':
    case 'bun-lock':
      return installed.npm.has(folderOf(path));
    case 'composer-lock':
      return installed.composer.has(folderOf(path));
    case 'nuget-lock':
      return installed.nuget.has(folderOf(path));
    case 'gemfile-lock':
      return packages.some((gem) => installed.gems.has(gemKey(gem)));
    default:
      return false;
  }
}

/** With its slash; '' of a file in the root. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

function gemKey({ name, version }: FoundPackage): string {
  return `${name} ${version}`;
}
