import { defaultMaxBytes } from './reader.ts';

const mib = 1024 * 1024;

/** What one layer may cost. Whatever is beyond is left out, with a warning that makes the image `partial`. */
export interface LayerLimits {
  /** Bytes of the archive, once it is unpacked. */
  unpackedBytes: number;
  /** Unpacked bytes for each byte that has come in, beyond the first `freeBytes`. */
  ratio: number;
  /** Unpacked bytes that are not held against what has come in: a layer of empty files packs to nothing. */
  freeBytes: number;
  /** Headers of the archive, those that only describe another one included. */
  entries: number;
  /** Bytes of one file that is read, whatever its reader would take. */
  fileBytes: number;
  /** Bytes of all files that are read. */
  collectedBytes: number;
  /** Files with findings. */
  files: number;
  /** Packages of one file. */
  filePackages: number;
  /** Characters of all that is found, as JSON. */
  textLength: number;
  /** Bytes of a path, and its segments. */
  pathBytes: number;
  pathDepth: number;
  /** Bytes of a header that describes another one: PAX records, a long name. */
  headerBytes: number;
  warnings: number;
}

/** The limits of a process: it is ended beyond them, and the layer has no inventory. */
export interface ProcessLimits {
  /** ms from its start to its last byte. */
  timeMs: number;
  /** Bytes of its memory (RSS). */
  memoryBytes: number;
  /** Bytes that it may print. */
  outputBytes: number;
}

/** What an image may have, of all its layers together. What is beyond is left out as of a layer. */
export interface ImageLimits {
  packages: number;
  /** Versions of one package: each is compared with all that advisories say of it, which of a kernel are thousands. Many programs of Go have thirty of a module. */
  versions: number;
  /** Files that packages of the distribution own. Where there are more, packages that they brought may be listed twice. */
  owned: number;
  /** Directories and files on the way to what was found, those that a later layer hides included. */
  places: number;
  warnings: number;
}

export const defaultImageLimits: ImageLimits = {
  packages: 100_000,
  versions: 64,
  owned: 1_000_000,
  places: 300_000,
  warnings: 1000,
};

export const defaultLayerLimits: LayerLimits = {
  unpackedBytes: 32 * 1024 * mib,
  // gzip gets to 1,032, zstd to more; a layer of programs to 4, of empty files and logs to 50.
  ratio: 200,
  freeBytes: 256 * mib,
  // A layer of a million small files has been seen; one of five million would not unpack anywhere in decent time.
  entries: 2_000_000,
  fileBytes: defaultMaxBytes * 4,
  collectedBytes: 8 * 1024 * mib,
  files: 100_000,
  filePackages: 100_000,
  textLength: 48 * mib,
  // PATH_MAX of Linux.
  pathBytes: 4096,
  pathDepth: 255,
  // What Go's reader takes, and so every engine.
  headerBytes: mib,
  warnings: 100,
};

export const defaultProcessLimits: ProcessLimits = {
  timeMs: 10 * 60_000,
  memoryBytes: 1024 * mib,
  outputBytes: 64 * mib,
};
