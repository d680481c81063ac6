import { parsePurl } from '../../src/packages/index.ts';

/** A package as a program lists it, in a form in which lists can be compared. */
export interface Listed {
  /** Of its package URL. */
  type: string;
  /** With its namespace, `org.springframework/spring-core`; without that of distributions, which is the distribution. */
  name: string;
  /** With its epoch, wherever the package URL has that. '' where it is not known. */
  version: string;
  purl: string;
  /** What it was built from, of packages of distributions. */
  source?: { name: string; version: string };
  /** Where it was found, without a slash in front. */
  paths: string[];
}

const ofDistributions = new Set(['deb', 'apk', 'rpm']);

/** Undefined for what is no package URL. */
export function listedOf(purl: string, more: Pick<Listed, 'source' | 'paths'>): Listed | undefined {
  const parts = parsePurl(purl);
  if (!parts) return undefined;
  const { type, namespace, name, version = '', qualifiers, subpath } = parts;
  const epoch = qualifiers?.['epoch'];
  const full = namespace === undefined || ofDistributions.has(type) ? name : `${namespace}/${name}`;
  return {
    type,
    // Syft has what lies below the root of a Go module's repository as a subpath.
    name: type === 'golang' && subpath !== undefined ? `${full}/${subpath}` : full,
    version: epoch === undefined || epoch === '0' || version.startsWith(`${epoch}:`) ? version : `${epoch}:${version}`,
    purl,
    ...more,
  };
}

/** What two programs have to agree on. */
export function keyOf({ type, name, version }: Listed): string {
  return `${type} ${name} ${version}`;
}

/** One of each key, with the paths of all, in order. */
export function withoutRepeats(all: readonly Listed[]): Listed[] {
  const byKey = new Map<string, Listed>();
  for (const one of all) {
    const known = byKey.get(keyOf(one));
    if (known) known.paths = [...new Set([...known.paths, ...one.paths])].toSorted();
    else byKey.set(keyOf(one), { ...one, paths: one.paths.toSorted() });
  }
  return [...byKey.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
