/**
 * The ecosystems of OSV (osv-schema, "Defined ecosystems"). Their names are OSV's strings and have a release behind a
 * colon where packages of one name differ by the release of a distribution: `Debian:12`, `Alpine:v3.19`,
 * `Ubuntu:Pro:22.04:LTS`.
 */

/** An ecosystem and its release, which is empty where there is none. */
export interface Ecosystem {
  ecosystem: string;
  release: string;
}

/** Longest text that is taken for an ecosystem; real ones have up to 80 characters. */
const longest = 200;

/** Splits what an advisory says (`Debian:12`) at its first colon. Undefined for what is too long or empty to be one. */
export function parseEcosystem(text: string): Ecosystem | undefined {
  if (text.length > longest) return undefined;
  const colon = text.indexOf(':');
  const ecosystem = colon < 0 ? text : text.slice(0, colon);
  return ecosystem === '' ? undefined : { ecosystem, release: colon < 0 ? '' : text.slice(colon + 1) };
}

/** As OSV writes it. */
export function formatEcosystem({ ecosystem, release }: Ecosystem): string {
  return release === '' ? ecosystem : `${ecosystem}:${release}`;
}

/** Ecosystems of languages, by the type of a package URL. Distributions are known by their os-release. */
const byPurlType: Readonly<Record<string, string>> = {
  npm: 'npm',
  pypi: 'PyPI',
  golang: 'Go',
  maven: 'Maven',
  gem: 'RubyGems',
  cargo: 'crates.io',
  nuget: 'NuGet',
  composer: 'Packagist',
  pub: 'Pub',
  hex: 'Hex',
  swift: 'SwiftURL',
  cran: 'CRAN',
  hackage: 'Hackage',
  conan: 'ConanCenter',
  bitnami: 'Bitnami',
  julia: 'Julia',
};

/** The ecosystem of what a package URL's type names; undefined for the types of distributions and for others. */
export function languageEcosystem(purlType: string): string | undefined {
  return Object.hasOwn(byPurlType, purlType) ? byPurlType[purlType] : undefined;
}

/** A Python project's name as PEP 503 normalises it: `Foo._-Bar` is `foo-bar`. */
export function normalisePythonName(name: string): string {
  return name.replaceAll(/[-_.]+/g, '-').toLowerCase();
}

/**
 * The name by which advisories of a language know a package, from the namespace and the name of its package URL:
 * `@scope/name` of npm, `group:artifact` of Maven, `vendor/name` of Packagist, the path of a Go module. A full name
 * may come as `name` without a namespace, as advisories have it.
 */
export function advisoryName(ecosystem: string, namespace: string | undefined, name: string): string {
  if (ecosystem === 'PyPI') return normalisePythonName(name);
  const full = namespace ? `${namespace}${ecosystem === 'Maven' ? ':' : '/'}${name}` : name;
  // Neither tells cases apart, and images spell them as they like.
  return ecosystem === 'Packagist' || ecosystem === 'NuGet' ? full.toLowerCase() : full;
}
