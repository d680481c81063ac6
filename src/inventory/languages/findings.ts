import type { FoundPackage, ReadResult } from '../reader.ts';

/** Most packages that one file may name; the largest lockfiles have some thousands. */
export const maxPackages = 50_000;
const maxWarnings = 100;

export interface Findings {
  /** Keeps a package once. Without a name it is none. */
  add(found: FoundPackage): void;
  /** What could not be read, and may hide packages. The same sentence is kept once. */
  warn(warning: string): void;
  result(): ReadResult;
}

/**
 * What one file says, while it is read: each package once, and no more of them than any file has. Whatever characters are in
 * a name stay in it; lengths are bounded where all findings are (`bound-findings.ts`).
 */
export function createFindings(): Findings {
  const packages = new Map<string, FoundPackage>();
  const warnings = new Set<string>();
  return {
    add(found) {
      const name = found.name.trim();
      const version = found.version.trim();
      if (name === '') return;
      const key = JSON.stringify([found.type, found.namespace, name, version, found.location, found.qualifiers]);
      if (packages.has(key)) return;
      if (packages.size < maxPackages) packages.set(key, { ...found, name, version });
      else warnings.add(`has more than ${maxPackages} packages, of which the rest was left out`);
    },
    warn(warning) {
      if (warnings.size < maxWarnings) warnings.add(warning);
    },
    result: () => ({ packages: [...packages.values()], ...(warnings.size > 0 && { warnings: [...warnings] }) }),
  };
}
