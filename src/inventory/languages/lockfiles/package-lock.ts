import type { Reader } from '../../reader.ts';
import { createFindings, type Findings } from '../findings.ts';
import { isInside, isNamed } from '../is-named.ts';
import { MalformedFile } from '../malformed-file.ts';
import { npmName } from '../npm.ts';
import { asRecord, asText, parseJson } from '../parse-json.ts';

/** Whether it is a lockfile of this name; those inside of what is installed are other people's. */
export function isOwnLockfile(path: string, name: string): boolean {
  return isNamed(path, name) && !isInside(path, 'node_modules');
}

/**
 * `package-lock.json` and `npm-shrinkwrap.json` of versions 1, 2 and 3, without what only development needs. They count
 * where nothing is installed below them, as in an image whose program was bundled into one file.
 */
export const packageLockReader: Reader = {
  name: 'package-lock',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) => isOwnLockfile(path, 'package-lock.json') || isOwnLockfile(path, 'npm-shrinkwrap.json'),
  read(_path, bytes) {
    const document = asRecord(parseJson(bytes));
    const packages = asRecord(document?.['packages']);
    const dependencies = asRecord(document?.['dependencies']);
    if (!document || (!packages && !dependencies && document['lockfileVersion'] === undefined)) {
      throw new MalformedFile('has neither packages nor dependencies');
    }
    const findings = createFindings();
    if (packages) addPackages(packages, findings);
    else if (dependencies) addDependencies(dependencies, findings);
    return findings.result();
  },
};

/** Versions 2 and 3: one entry for each place in `node_modules`. */
function addPackages(packages: Record<string, unknown>, findings: Findings): void {
  for (const [path, value] of Object.entries(packages)) {
    const record = asRecord(value);
    const at = path.lastIndexOf('node_modules/');
    if (at < 0 || !record || record['link'] === true || isForDevelopment(record)) continue;
    const version = asText(record['version']);
    // An alias is installed under one name and has another.
    const name = asText(record['name']) ?? path.slice(at + 'node_modules/'.length);
    if (version) findings.add({ type: 'npm', ...npmName(name), version, licenses: licensesOf(record) });
  }
}

function licensesOf(record: Record<string, unknown>): string[] {
  const license = asText(record['license']);
  return license === undefined ? [] : [license];
}

/** Version 1: a tree. Its depth is that of the JSON, which is bounded. */
function addDependencies(dependencies: Record<string, unknown>, findings: Findings): void {
  for (const [name, value] of Object.entries(dependencies)) {
    const record = asRecord(value);
    if (!record || isForDevelopment(record)) continue;
    const version = asText(record['version']);
    const alias = version === undefined ? null : /^npm:(.+)@([^@]+)$/.exec(version);
    if (alias) findings.add({ type: 'npm', ...npmName(alias[1]!), version: alias[2]! });
    // From git, a file or an address: it is in no registry under this name.
    else if (version && /^\d/.test(version)) findings.add({ type: 'npm', ...npmName(name), version });
    const inner = asRecord(record['dependencies']);
    if (inner) addDependencies(inner, findings);
  }
}

function isForDevelopment(record: Record<string, unknown>): boolean {
  // `devOptional` is of development, or optional in production: then it may be installed.
  return record['dev'] === true;
}
