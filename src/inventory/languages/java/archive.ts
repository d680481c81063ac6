import type { Reader } from '../../reader.ts';
import { decodeText } from '../decode-text.ts';
import { createFindings, type Findings } from '../findings.ts';
import { MalformedFile } from '../malformed-file.ts';
import { coordinatesOfFile, coordinatesOfManifest, coordinatesOfProperties, type Coordinates } from './coordinates.ts';
import { readManifest, readProperties } from './manifest.ts';
import { isZip, readDirectory, readEntry, type ZipEntry } from '../zip.ts';

/** Archives in archives: a jar in a war in an ear. */
const maxNesting = 2;
/** Largest archive inside of one (bytes when unpacked), and largest text. */
const maxNested = 128 * 1024 * 1024;
const maxText = 1024 * 1024;
/** Most bytes that are unpacked for one file of a layer, those that are read for it counted too. */
const maxWork = 768 * 1024 * 1024;
/** Most descriptions and archives that are looked into, all levels together. */
const maxLookedInto = 20_000;

const archive = /\.(?:jar|war|ear|par|hpi|jpi)$/i;
const pomProperties = /^(?:.*\/)?META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/;

/** What is left of the bounds of one file, for all archives in it. */
interface Left {
  work: number;
  entries: number;
}

/** Java archives, and those in them: what Maven wrote into them, else the manifest, else the name of the file. */
export const javaReader: Reader = {
  name: 'java',
  maxBytes: 256 * 1024 * 1024,
  wants: (path, { size }) => size > 0 && path.charCodeAt(path.length - 4) === 46 && archive.test(path),
  read(path, bytes) {
    const findings = createFindings();
    // A text in place of a jar (a pointer to large storage, a placeholder) can be loaded by nobody.
    if (!isZip(bytes)) return findings.result();
    const left = { work: maxWork, entries: maxLookedInto };
    attempt('', left, findings, () => readArchive(bytes, { path, nesting: 0 }, left, findings));
    return findings.result();
  },
};

interface Place {
  /** Of the file in the layer, or of the archive inside of it. */
  path: string;
  nesting: number;
  /** Where it is inside of the file; missing for the file itself. */
  location?: string;
}

function readArchive(bytes: Uint8Array, place: Place, left: Left, findings: Findings): void {
  const described: Coordinates[] = [];
  let manifest: ReadonlyMap<string, string> = new Map();
  for (const entry of readDirectory(bytes)) {
    const read = readerOf(entry.name);
    if (!read) continue;
    const location = place.location === undefined ? entry.name : `${place.location}!/${entry.name}`;
    attempt(location, left, findings, () => {
      if (read === 'archive') readNested(bytes, entry, { ...place, location }, left, findings);
      else {
        const text = decodeText(take(bytes, entry, maxText, left));
        if (read === 'manifest') manifest = readManifest(text);
        else described.push(...coordinatesOfProperties(readProperties(text)));
      }
    });
  }
  // With other artifacts inside (shaded), or without any description, it still is one of its own.
  const own = coordinatesOfManifest(manifest, place.path);
  const isDescribed = described.some((one) => isOfFile(one, place.path, own, described.length));
  for (const { group, artifact, version } of isDescribed || !own ? described : [...described, own]) {
    findings.add({
      type: 'maven',
      name: artifact,
      version,
      ...(group === undefined ? {} : { namespace: group }),
      ...(place.location === undefined ? {} : { location: place.location }),
    });
  }
}

function readerOf(name: string): 'properties' | 'manifest' | 'archive' | undefined {
  if (pomProperties.test(name)) return 'properties';
  if (name.toUpperCase() === 'META-INF/MANIFEST.MF') return 'manifest';
  return archive.test(name) ? 'archive' : undefined;
}

function readNested(bytes: Uint8Array, entry: ZipEntry, place: Place, left: Left, findings: Findings): void {
  if (place.nesting >= maxNesting) throw new MalformedFile(`is nested more than ${maxNesting} deep`);
  const inner = take(bytes, entry, maxNested, left);
  if (isZip(inner)) readArchive(inner, { ...place, path: entry.name, nesting: place.nesting + 1 }, left, findings);
}

/** What cannot be read hides what is in it alone: what lies beside it is found, until the bounds of the file are used up. */
function attempt(location: string, left: Left, findings: Findings, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof MalformedFile) || (location !== '' && isUsedUp(left))) throw error;
    findings.warn(`${location.slice(0, 300)} ${error.message}`.trimStart());
  }
}

function isUsedUp({ work, entries }: Left): boolean {
  return work <= 0 || entries <= 0;
}

/** Reads an entry, and counts what that has cost: entries may share their bytes, so that their number alone bounds nothing. */
function take(bytes: Uint8Array, entry: ZipEntry, maxBytes: number, left: Left): Uint8Array {
  left.entries--;
  // What lies beyond the end is not read, so that it costs nothing.
  if (entry.compressedSize <= bytes.length) left.work -= entry.compressedSize;
  if (isUsedUp(left)) throw new MalformedFile('holds more than can be unpacked');
  const taken = readEntry(bytes, entry, Math.min(maxBytes, left.work));
  left.work -= taken.length;
  return taken;
}

/**
 * Whether a description is of the archive itself: the file is named `artifact-version` or `artifact`. A file that was given
 * another name, without a version, is what its only description says, or the one of the manifest's version.
 */
function isOfFile(described: Coordinates, path: string, own: Coordinates | undefined, count: number): boolean {
  const file = coordinatesOfFile(path);
  if (file.artifact === described.artifact)
    // What stands behind the version is a classifier: netty-transport-native-epoll-4.1.114.Final-linux-x86_64.jar.
    return file.version === undefined || `${file.version}-`.startsWith(`${described.version}-`);
  if (file.version === undefined) return count === 1 || described.version === own?.version;
  return path.slice(path.lastIndexOf('/') + 1).startsWith(`${described.artifact}-${described.version}`);
}
