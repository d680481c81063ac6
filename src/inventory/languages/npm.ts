import type { FoundPackage, Reader } from '../reader.ts';
import { createFindings } from './findings.ts';
import { isInside } from './is-named.ts';
import { MalformedFile } from './malformed-file.ts';
import { asList, asRecord, asText, parseJson } from './parse-json.ts';

/** A package lies directly in `node_modules`, or in a scope there; what lies deeper was bundled into one, or is its test data. */
const installed = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/;
/** The official Node images unpack Yarn here. */
const yarnOfNodeImages = /^opt\/yarn-v[\d.]+\/package\.json$/;

/**
 * `package.json` of what is installed: anything below a `node_modules` that has a name and a version, as scanners do it,
 * for bundled copies have them too. The application's own is not taken: its name is its owner's affair, and may be that
 * of a malicious package in the public registry.
 */
export const npmReader: Reader = {
  name: 'npm',
  maxBytes: 4 * 1024 * 1024,
  wants: (path) => path.endsWith('/package.json') && (isInside(path, 'node_modules') || yarnOfNodeImages.test(path)),
  read(path, bytes) {
    const findings = createFindings();
    const found = installedOrNothing(path, bytes);
    if (found) findings.add(found);
    return findings.result();
  },
};

/** Deeper ones may be broken on purpose, to test what reads them, and hide nothing that Node could load by its name. */
function installedOrNothing(path: string, bytes: Uint8Array): FoundPackage | undefined {
  try {
    return npmPackageIn(bytes);
  } catch (error) {
    if (error instanceof MalformedFile && !installed.test(path)) return undefined;
    throw error;
  }
}

/** What a `package.json` says of itself; undefined for one that is a part of another package. */
export function npmPackageIn(bytes: Uint8Array): FoundPackage | undefined {
  const record = asRecord(parseJson(bytes));
  const full = asText(record?.['name'])?.trim();
  const version = asText(record?.['version'])?.trim();
  if (!record || !full || !version) return undefined;
  return { type: 'npm', ...npmName(full), version, licenses: licensesOf(record) };
}

/** `@scope/name` in its two parts. */
export function npmName(full: string): { name: string; namespace?: string } {
  const slash = full.startsWith('@') ? full.indexOf('/') : -1;
  return slash < 0 ? { name: full } : { namespace: full.slice(0, slash), name: full.slice(slash + 1) };
}

/** `license` as npm wants it, and the forms of old packages: `{ type }`, `licenses: [{ type }]`. */
function licensesOf(record: Record<string, unknown>): string[] {
  const all = [record['license'], ...asList(record['licenses']).slice(0, 16)];
  return all.flatMap((one) => asText(one) ?? asText(asRecord(one)?.['type']) ?? []);
}
