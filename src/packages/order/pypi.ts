import { isNumber, numberKey, numbersKey } from './sort-key.ts';

/** PEP 440, appendix B. Each character can be taken in one way, so it does not backtrack far. */
const pattern =
  /^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]*))?(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]*))?(?:[-_.]?(dev)[-_.]?([0-9]*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/;

const phases: Readonly<Record<string, string>> = {
  a: '\u0002',
  alpha: '\u0002',
  b: '\u0003',
  beta: '\u0003',
  c: '\u0004',
  rc: '\u0004',
  pre: '\u0004',
  preview: '\u0004',
};
/** Where nothing stands: before all others, or after them. */
const first = '\u0001';
const last = '\u0005';

/** The order of PEP 440; versions that are older than it, and not in its form, are before all others. */
export function pypiKey(version: string): string {
  const text = version.trim().toLowerCase();
  const parts = pattern.exec(text);
  if (!parts) return `\u0001${legacyKey(text)}`;
  const [, epoch, release, phase, phaseNumber, dashed, post, postNumber, dev, devNumber, local] = parts;
  const isPost = dashed !== undefined || post !== undefined;
  // 1.0.dev1 is before 1.0a1: a development of the release itself, not of what follows it.
  const bare = dev === undefined || isPost ? last : first;
  return [
    '\u0002',
    numberKey(epoch ?? ''),
    numbersKey(release!.split('.')),
    phase === undefined ? bare : phases[phase]! + numberKey(phaseNumber ?? ''),
    isPost ? `\u0002${numberKey(dashed ?? postNumber ?? '')}` : first,
    dev === undefined ? last : `\u0002${numberKey(devNumber ?? '')}`,
    local === undefined ? first : `\u0002${localKey(local)}`,
  ].join('');
}

/** Words before numbers; of equals the longer one is later. */
function localKey(local: string): string {
  const key = local.split(/[-_.]/).map((part) => (isNumber(part) ? `\u0002${numberKey(part)}` : `\u0001${part}\u0000`));
  return `${key.join('')}\u0000`;
}

const legacyWords: Readonly<Record<string, string>> = { pre: 'c', preview: 'c', '-': 'final-', rc: 'c', dev: '@' };

/** The order of setuptools before PEP 440, as `packaging` had it until 22.0. */
function legacyKey(text: string): string {
  const parts: string[] = [];
  for (const piece of [...(text.match(/[0-9]+|[a-z]+|-/g) ?? []), 'final']) {
    if (isNumber(piece)) {
      parts.push(piece.padStart(8, '0'));
      continue;
    }
    const word = `*${Object.hasOwn(legacyWords, piece) ? legacyWords[piece] : piece}`;
    if (word < '*final') while (parts.at(-1) === '*final-') parts.pop();
    while (parts.at(-1) === '00000000') parts.pop();
    parts.push(word);
  }
  return parts.map((part) => `${part}\u0001`).join('');
}
