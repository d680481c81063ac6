import type { OsRelease } from '../packages/index.ts';

export type { OsRelease } from '../packages/index.ts';

/** What kind of package manager installed something; the type of its package URL, but for `generic`. */
export type PackageType =
  | 'deb'
  | 'apk'
  | 'rpm'
  | 'npm'
  | 'pypi'
  | 'golang'
  | 'maven'
  | 'gem'
  | 'cargo'
  | 'nuget'
  | 'composer'
  | 'pub'
  | 'hex'
  | 'swift'
  | 'bitnami'
  | 'generic';

/** A package that a file of a layer says is there, before it is known of which distribution the image is. */
export interface FoundPackage {
  type: PackageType;
  /** As installed: of a distribution the binary package. */
  name: string;
  /** What its name is inside of: the scope of npm, the group of Maven, the vendor of Composer. */
  namespace?: string;
  /** In full, as installed, with its epoch where it has one; '' where unknown. */
  version: string;
  /** What it was built from, where advisories name that: deb, apk (the origin), rpm. */
  source?: { name: string; version: string };
  arch?: string;
  /** SPDX ids, expressions or free text. */
  licenses?: string[];
  /** Where inside the file it was found: the path of a nested jar. */
  location?: string;
  /** More for the package URL. */
  qualifiers?: Record<string, string>;
}

/** What the header of an entry says of the file. */
export interface EntryFacts {
  /** Permission bits as in the header. */
  mode: number;
  /** Bytes of the file, holes included. */
  size: number;
}

/** Files that a package of the distribution has brought, of those that say that a package of a language is there. */
export interface OwnedFiles {
  /** Name and version of the package; '' where the file that says so is rewritten with the package, and only then. */
  by: string;
  paths: string[];
}

export interface ReadResult {
  packages: FoundPackage[];
  owns?: OwnedFiles[];
  /** What could not be read, and may hide packages: it makes the image `partial`. */
  warnings?: string[];
  os?: Partial<OsRelease>;
}

/** Most bytes of a file that a reader gets where it names no other number. */
export const defaultMaxBytes = 64 * 1024 * 1024;
/** Bytes for reading what is larger. */
export const largeFileMemory = 32 * 1024 * 1024;

/**
 * One kind of file that says which packages there are. It runs in a process of its own, on bytes of anybody, for one file
 * of a layer after the other, and keeps nothing between two of them. Lengths and numbers of what it returns are
 * bounded by whoever calls it (`bound-findings.ts`); what it does on the way is for itself to bound.
 */
export interface Reader {
  /** 'dpkg', 'npm' …: it is kept with what was found. */
  readonly name: string;
  /**
   * Whether a file may be of its kind, told by path (`a/b`: normalised, no slash in front) and header. Cheap: it is asked for
   * every file of every layer. A file goes to every reader that wants it and, where it has `recognises`, recognises it.
   */
  wants(path: string, entry: EntryFacts): boolean;
  /** Most bytes of a file; a larger one becomes a warning. */
  readonly maxBytes?: number;
  /** For what is known by content, not by name: executables. Asked with the first 4 KiB, or fewer where the file is smaller. */
  recognises?(head: Uint8Array): boolean;
  /** Reads the whole file. What it throws becomes a warning. The bytes are its own until it returns, and no longer. */
  read(path: string, bytes: Uint8Array): ReadResult;
  /**
   * Reads a file of more than `maxBytes`, one part after the other: `next` fills a buffer as far as the file goes, and says how
   * many bytes there were. `memory` is `largeFileMemory` bytes to do it in.
   */
  readLarge?(next: (into: Uint8Array) => Promise<number>, memory: Uint8Array): Promise<ReadResult>;
}
