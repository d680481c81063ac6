import { parsePurl } from '../../packages/index.ts';
import type { FoundPackage, PackageType, Reader } from '../reader.ts';
import { createFindings } from './findings.ts';
import { MalformedFile } from './malformed-file.ts';
import { asList, asRecord, asText, parseJson } from './parse-json.ts';

/** Not those of distributions: their databases say what is installed. */
const types: ReadonlySet<string> = new Set<PackageType>([
  'npm',
  'pypi',
  'golang',
  'maven',
  'gem',
  'cargo',
  'nuget',
  'composer',
  'pub',
  'hex',
  'swift',
  'bitnami',
]);
const bitnami = /^opt\/bitnami\/(?:[^/]+\/)?\.spdx-[^/]+\.spdx$/;
const wolfi = /^(?:usr\/)?(?:var\/)?lib\/db\/sbom\/[^/]+\.spdx\.json$/;

/**
 * The lists (SPDX 2.3, JSON) that Bitnami puts beside each of its programs, and Wolfi beside each of its packages. They are
 * believed for what they name themselves, and hide nothing of what else is found.
 */
export const spdxReader: Reader = {
  name: 'spdx',
  maxBytes: 32 * 1024 * 1024,
  wants: (path) => (path.endsWith('.spdx') && bitnami.test(path)) || (path.endsWith('.spdx.json') && wolfi.test(path)),
  read(_path, bytes) {
    const document = asRecord(parseJson(bytes));
    if (!document || !Array.isArray(document['packages'])) throw new MalformedFile('has no list of packages');
    const findings = createFindings();
    for (const one of asList(document['packages'])) {
      const found = packageOf(asRecord(one));
      if (found) findings.add(found);
    }
    return findings.result();
  },
};

function packageOf(record: Record<string, unknown> | undefined): FoundPackage | undefined {
  const references = asList(record?.['externalRefs']).map(asRecord);
  const purl = references.find((one) => one?.['referenceType'] === 'purl');
  const parts = parsePurl(asText(purl?.['referenceLocator']) ?? '');
  if (!record || !parts || !types.has(parts.type)) return undefined;
  const type = parts.type as PackageType;
  // A module's path is one name to Go.
  const isModule = type === 'golang' && parts.namespace !== undefined;
  const license = [record['licenseConcluded'], record['licenseDeclared']]
    .map(asText)
    .find((text) => text && !/^NO(?:NE|ASSERTION)$/.test(text));
  return {
    type,
    ...(parts.namespace !== undefined && !isModule && { namespace: parts.namespace }),
    name: isModule ? `${parts.namespace}/${parts.name}` : parts.name,
    version: parts.version ?? asText(record['versionInfo']) ?? '',
    ...(license !== undefined && { licenses: [license] }),
  };
}
