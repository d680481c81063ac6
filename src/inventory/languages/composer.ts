import type { Reader, ReadResult } from '../reader.ts';
import { createFindings } from './findings.ts';
import { isInside, isNamed } from './is-named.ts';
import { MalformedFile } from './malformed-file.ts';
import { asList, asRecord, asText, parseJson } from './parse-json.ts';

/** What Composer has installed: a list in version 1, a list inside an object in version 2. */
export const composerReader: Reader = {
  name: 'composer',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) => isNamed(path, 'composer/installed.json'),
  read(_path, bytes) {
    const document = parseJson(bytes);
    const list = Array.isArray(document) ? document : asRecord(document)?.['packages'];
    if (!Array.isArray(list)) throw new MalformedFile('has no list of packages');
    return packagesIn(list);
  },
};

/** What Composer would install, without what only development needs. It counts where nothing is installed beside it. */
export const composerLockReader: Reader = {
  name: 'composer-lock',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) => isNamed(path, 'composer.lock') && !isInside(path, 'vendor'),
  read(_path, bytes) {
    const list = asRecord(parseJson(bytes))?.['packages'];
    if (!Array.isArray(list)) throw new MalformedFile('has no list of packages');
    return packagesIn(list);
  },
};

function packagesIn(list: readonly unknown[]): ReadResult {
  const findings = createFindings();
  for (const one of list) {
    const record = asRecord(one);
    const full = asText(record?.['name']);
    const version = asText(record?.['version']);
    if (!record || !full || !version) continue;
    const slash = full.indexOf('/');
    findings.add({
      type: 'composer',
      ...(slash < 0 ? {} : { namespace: full.slice(0, slash) }),
      name: full.slice(slash + 1),
      version,
      licenses: asList(record['license'])
        .slice(0, 16)
        .flatMap((license) => asText(license) ?? []),
    });
  }
  return findings.result();
}
