/*
 * Advisories in the form of OSV (osv-schema 1.7), as far as anything here reads them. All but the id may be missing.
 */

/** A rating: `CVSS_V3` with a vector, `Ubuntu` with a word. */
export interface OsvSeverity {
  type: string;
  score: string;
}

/** A point at which the answer changes. It has one of the four; `0` is before all versions. */
export interface OsvEvent {
  introduced?: string;
  /** The first version that is good again. */
  fixed?: string;
  /** The last version that is bad. */
  last_affected?: string;
  /** Nothing is said of versions from here on. */
  limit?: string;
}

export interface OsvRange {
  /** `SEMVER`, `ECOSYSTEM`; `GIT`, which speaks of commits. */
  type: string;
  events: OsvEvent[];
  database_specific?: Record<string, unknown>;
}

/** What an advisory says of one package. */
export interface OsvAffected {
  /** `ecosystem` with its release: `Debian:12`. */
  package?: { ecosystem: string; name: string; purl?: string };
  ranges?: OsvRange[];
  /** Versions that are bad, one by one, beside those of the ranges. */
  versions?: string[];
  severity?: OsvSeverity[];
  ecosystem_specific?: Record<string, unknown>;
  database_specific?: Record<string, unknown>;
}

export interface OsvRecord {
  id: string;
  modified?: string;
  published?: string;
  /** When it was found to be none. */
  withdrawn?: string;
  /** Other ids of the same vulnerability. */
  aliases?: string[];
  /** What a distribution's advisory is its word on. */
  upstream?: string[];
  related?: string[];
  summary?: string;
  details?: string;
  severity?: OsvSeverity[];
  affected?: OsvAffected[];
  references?: { type: string; url: string }[];
  database_specific?: Record<string, unknown>;
}

/** What should be a list of objects, and may be anything where a record was not read with care. */
export function listed<T>(value: readonly T[] | undefined): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]).filter((one) => one !== null && one !== undefined) : [];
}
