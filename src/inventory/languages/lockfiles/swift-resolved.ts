import type { Reader } from '../../reader.ts';
import { createFindings } from '../findings.ts';
import { isInside, isNamed } from '../is-named.ts';
import { asList, asRecord, asText, parseJson } from '../parse-json.ts';

/** `Package.resolved` of Swift, of version 1 (inside of `object`) and later ones. A package's name is where its sources are. */
export const swiftResolvedReader: Reader = {
  name: 'swift-resolved',
  maxBytes: 16 * 1024 * 1024,
  wants: (path) => isNamed(path, 'Package.resolved') && !isInside(path, '.build'),
  read(_path, bytes) {
    const document = asRecord(parseJson(bytes));
    const pins = asList(document?.['pins'] ?? asRecord(document?.['object'])?.['pins']);
    const findings = createFindings();
    for (const one of pins) {
      const pin = asRecord(one);
      const version = asText(asRecord(pin?.['state'])?.['version']);
      const address = asText(pin?.['location']) ?? asText(pin?.['repositoryURL']);
      const [, namespace, name] =
        /^(?:https?:\/\/|git@)([^/:]+[/:][^\s]*)\/([^/\s]+?)(?:\.git)?\/?$/.exec(address?.slice(0, 2_048) ?? '') ?? [];
      if (namespace && name && version) {
        findings.add({ type: 'swift', namespace: namespace.replace(':', '/'), name, version });
      }
    }
    return findings.result();
  },
};
