import { normalisePythonName } from '../../packages/index.ts';
import type { Reader, ReadResult } from '../reader.ts';
import { decodeText, linesOf } from './decode-text.ts';
import { createFindings } from './findings.ts';
import { isZip, readDirectory, readEntry } from './zip.ts';
import { MalformedFile } from './malformed-file.ts';

/** The headers end at the first empty line; what follows is the package's description. */
const maxHeaders = 1024 * 1024;
/** Of an archive (bytes). */
const maxDescription = 16 * maxHeaders;

/**
 * What is installed, as installers write it beside every package (PEP 376, core metadata). Files of wishes
 * (requirements.txt, poetry.lock, Pipfile.lock, uv.lock) are not read: they name what somebody wanted on some machine, for
 * tests and other platforms too, while what came of it has its metadata.
 */
export const pythonReader: Reader = {
  name: 'python',
  maxBytes: 16 * 1024 * 1024,
  wants: (path) =>
    path.endsWith('.dist-info/METADATA') ||
    path.endsWith('.egg-info') ||
    path.endsWith('.egg-info/PKG-INFO') ||
    path.endsWith('.egg/EGG-INFO/PKG-INFO'),
  read: (_path, bytes) => packageOf(bytes),
};

/** Packages that Python loads without unpacking them, as `easy_install` left them: the same metadata in an archive. */
export const pythonEggReader: Reader = {
  name: 'python-egg',
  wants: (path, { size }) => size > 0 && path.endsWith('.egg'),
  read(_path, bytes) {
    const description = isZip(bytes)
      ? readDirectory(bytes).find(({ name }) => name === 'EGG-INFO/PKG-INFO')
      : undefined;
    return description ? packageOf(readEntry(bytes, description, maxDescription)) : { packages: [] };
  },
};

function packageOf(bytes: Uint8Array): ReadResult {
  const headers = headersOf(bytes);
  const name = headers.get('name')?.[0];
  const version = headers.get('version')?.[0];
  if (!name || !version) throw new MalformedFile('has no Name and Version');
  const findings = createFindings();
  findings.add({ type: 'pypi', name: normalisePythonName(name.trim()), version, licenses: licensesOf(headers) });
  return findings.result();
}

const wanted = new Set(['name', 'version', 'license', 'license-expression', 'classifier']);

/** Headers like those of mail, of which continuation lines are left out: none of ours has one that matters. */
function headersOf(bytes: Uint8Array): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of linesOf(decodeText(bytes.subarray(0, maxHeaders)))) {
    if (line === '') break;
    const colon = line.indexOf(':');
    if (colon <= 0 || line.startsWith(' ') || line.startsWith('\t')) continue;
    const key = line.slice(0, colon).toLowerCase();
    if (!wanted.has(key)) continue;
    const values = headers.get(key) ?? [];
    if (values.length < 64) values.push(line.slice(colon + 1).trim());
    headers.set(key, values);
  }
  return headers;
}

/** The expression of new packages; else the classifiers; else the free text, where it is not the licence itself. */
function licensesOf(headers: Map<string, string[]>): string[] {
  const expression = headers.get('license-expression')?.[0];
  if (expression) return [expression];
  const classified = (headers.get('classifier') ?? []).flatMap((one) => {
    const parts = one.split(' :: ');
    return parts.length > 1 && parts[0] === 'License' && parts.at(-1) !== 'OSI Approved' ? [parts.at(-1)!] : [];
  });
  if (classified.length > 0) return classified;
  const text = headers.get('license')?.[0];
  return text && text !== 'UNKNOWN' && text.length <= 100 ? [text] : [];
}
