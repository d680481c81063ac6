import type { OsRelease, Reader, ReadResult } from '../reader.ts';
import { linesOf } from './text-lines.ts';

const fields: Record<string, keyof OsRelease> = {
  ID: 'id',
  VERSION_ID: 'versionId',
  VERSION_CODENAME: 'versionCodename',
  PRETTY_NAME: 'prettyName',
  CPE_NAME: 'cpeName',
};

type Parse = (bytes: Uint8Array) => Partial<OsRelease>;

/**
 * Where an image says which distribution it is, the best place first: what one lacks, the next may have. `etc/os-release` is
 * mostly a link to the one in `usr/lib`.
 */
export const osFiles: ReadonlyMap<string, Parse> = new Map([
  ['etc/os-release', readOsRelease],
  ['usr/lib/os-release', readOsRelease],
  ['etc/alpine-release', (bytes) => ({ id: 'alpine', ...optional('versionId', firstLine(bytes)) })],
  ['etc/debian_version', (bytes) => ({ id: 'debian', ...debianVersion(firstLine(bytes)) })],
  ['etc/redhat-release', readRedHatRelease],
  ['etc/centos-release', readRedHatRelease],
]);

export const osReleaseReader: Reader = {
  name: 'os-release',
  maxBytes: 64 * 1024,
  wants: (path) => osFiles.has(path),
  read(path, bytes): ReadResult {
    const os = osFiles.get(path)!(bytes);
    return Object.keys(os).length > 0 ? { packages: [], os } : { packages: [] };
  },
};

/** os-release(5): assignments as of a shell, without expansions. The last of a name counts. */
function readOsRelease(bytes: Uint8Array): Partial<OsRelease> {
  const os: Partial<OsRelease> = {};
  for (const line of linesOf(bytes)) {
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(equals, 0)).trim();
    if (Object.hasOwn(fields, name)) os[fields[name]!] = unquoted(line.slice(equals + 1).trim());
  }
  return os;
}

function unquoted(value: string): string {
  const quote = value[0];
  if (value.length < 2 || (quote !== '"' && quote !== "'") || !value.endsWith(quote)) return value;
  const inside = value.slice(1, -1);
  return quote === '"' ? inside.replaceAll(/\\(["$`\\])/g, '$1') : inside;
}

/** `12.5`, or `trixie/sid` where it is none yet. */
function debianVersion(line: string): Partial<OsRelease> {
  if (/^[0-9]/.test(line)) return { versionId: line };
  return optional('versionCodename', line.split('/')[0]!);
}

/** `Rocky Linux release 9.3 (Blue Onyx)`. */
function readRedHatRelease(bytes: Uint8Array): Partial<OsRelease> {
  const line = firstLine(bytes);
  const parts = /^(.{1,100}?) release ([0-9][0-9.]{0,20})/.exec(line);
  const id = parts && redHatIds.find(([start]) => parts[1]!.startsWith(start))?.[1];
  return id ? { id, versionId: parts[2]!, prettyName: line } : {};
}

const redHatIds: readonly (readonly [start: string, id: string])[] = [
  ['Red Hat', 'rhel'],
  ['CentOS', 'centos'],
  ['Rocky', 'rocky'],
  ['AlmaLinux', 'almalinux'],
  ['Oracle', 'ol'],
  ['Fedora', 'fedora'],
];

function optional(field: 'versionId' | 'versionCodename', value: string): Partial<OsRelease> {
  return value === '' ? {} : { [field]: value };
}

function firstLine(bytes: Uint8Array): string {
  for (const line of linesOf(bytes)) return line.trim();
  return '';
}
