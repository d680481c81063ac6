import { decodeText } from './decode-text.ts';
import { MalformedFile } from './malformed-file.ts';

/** Deepest nesting; a package-lock of version 1 nests two levels for each dependency inside another. */
const maxDepth = 200;
/** Most keys of all objects; a lockfile of 5,000 packages has some 60,000. */
const maxKeys = 1_000_000;

/** Reads a JSON file of anybody: a byte order mark is fine, and what is too deep or too large is refused before it is built. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decodeText(bytes);
  checkShape(text);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new MalformedFile('is not JSON');
  }
}

export function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Like the check of manifests in `oci/`, for files that may be far larger, and whose repeated keys hurt nobody. */
function checkShape(text: string): void {
  let depth = 0;
  let keys = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) {
      at = stringEnd(text, at);
    } else if (code === 58) {
      if (++keys > maxKeys) throw new MalformedFile(`has more than ${maxKeys} keys`);
    } else if (code === 91 || code === 123) {
      if (++depth > maxDepth) throw new MalformedFile(`is nested more than ${maxDepth} deep`);
    } else if (code === 93 || code === 125) depth--;
  }
}

/** Where the string that begins at `at` has its closing quote. */
function stringEnd(text: string, at: number): number {
  for (;;) {
    const end = text.indexOf('"', at + 1);
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 92) backslashes++;
    if (backslashes % 2 === 0) return end;
    at = end;
  }
}
