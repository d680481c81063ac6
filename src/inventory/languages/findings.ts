import type { FoundPackage, ReadResult } from '../reader.ts';

/** Most packages that one file may name; the largest lockfiles have some thousands. */
export const maxPackages = 50_000;
/** Longest names and versions (UTF-16 units); npm allows 214, module paths of Go are the longest. */
const maxName = 512;
const maxVersion = 256;
const maxLicense = 200;
const maxLicenses = 16;

// oxlint-disable-next-line eslint/no-control-regex -- Those are what is looked for.
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

export interface Findings {
  /** Keeps a package once. One whose name or version cannot be one is counted, and becomes a warning. */
  add(found: FoundPackage): void;
  /** What could not be read, and may hide packages. The same sentence is kept once. */
  warn(warning: string): void;
  result(): ReadResult;
}

/** What one file says, while it is read: without repetitions, and with bounds of its own for what anybody may have written. */
export function createFindings(): Findings {
  const packages = new Map<string, FoundPackage>();
  const warnings = new Set<string>();
  let unusable = 0;
  let tooMany = false;
  return {
    add(found) {
      const name = found.name.trim();
      const version = found.version.trim();
      const namespace = found.namespace?.trim() ?? '';
      if (!isName(name) || (namespace !== '' && !isName(namespace)) || !isVersion(version)) {
        unusable++;
        return;
      }
      const key = [found.type, namespace, name, version, found.location ?? '', found.qualifiers?.['platform']].join(
        '\n',
      );
      if (packages.has(key)) return;
      if (packages.size >= maxPackages) {
        tooMany = true;
        return;
      }
      const { namespace: _, licenses: __, ...rest } = found;
      const licenses = licensesOf(found.licenses);
      packages.set(key, {
        ...rest,
        name,
        version,
        ...(namespace === '' ? {} : { namespace }),
        ...(licenses.length > 0 ? { licenses } : {}),
      });
    },
    warn: (warning) => {
      if (warnings.size < 100) warnings.add(warning);
    },
    result() {
      const all = [...warnings];
      if (unusable > 0) all.push(`${unusable} packages with a name or version that cannot be one were left out`);
      if (tooMany) all.push(`more than ${maxPackages} packages: the rest was left out`);
      return { packages: [...packages.values()], ...(all.length > 0 ? { warnings: all } : {}) };
    },
  };
}

function isName(text: string): boolean {
  return text !== '' && text.length <= maxName && !control.test(text);
}

/** An empty version is one: that of a package whose version is unknown. */
function isVersion(text: string): boolean {
  return text.length <= maxVersion && !control.test(text);
}

function licensesOf(licenses: readonly string[] | undefined): string[] {
  return (licenses ?? [])
    .slice(0, maxLicenses)
    .map((license) => license.slice(0, maxLicense).replaceAll(/\s+/g, ' ').trim())
    .filter((license) => license !== '' && !control.test(license));
}
