/**
 * A package in one version, as advisories name it: what is asked about, and what all images that have it share. Where it
 * lies in an image, and how it is called there, is the inventory's.
 */
export interface Component {
  /** OSV's ecosystem without its release: `Debian`, `Alpine`, `npm`, `PyPI`, `Go`, `Maven` … */
  ecosystem: string;
  /** The release of the ecosystem: `12`, `v3.19`, `22.04:LTS`. Empty where it has none. */
  release: string;
  /**
   * The name by which advisories know it: the source package of deb and rpm, the origin of apk, the name as PEP 503 spells it
   * for PyPI, `group:artifact` of Maven, the path of a Go module.
   */
  name: string;
  /** The version to match by (of the source package for deb). Empty where unknown: what is found then is only possible. */
  version: string;
}
