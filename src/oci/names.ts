import { RegistryError } from '../errors/index.ts';

/** Longest repository name (distribution-spec: clients may limit host plus name to 255). */
export const maxNameLength = 255;

const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/**
 * Whether a repository name matches distribution-spec "Pulling manifests":
 * `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`.
 * One pass by hand: the expression above backtracks.
 */
export function isRepositoryName(name: string): boolean {
  if (name.length === 0 || name.length > maxNameLength) return false;
  /** The run of separators before this character; undefined after a letter or digit. A component begins after `/`. */
  let run: string | undefined = '/';
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    const character = name[at]!;
    if ((code >= 97 && code <= 122) || (code >= 48 && code <= 57)) run = undefined;
    else if (run === undefined && '/._-'.includes(character)) run = character;
    else if (run === '-' && character === '-') continue;
    else if (run === '_' && character === '_') run = '__';
    else return false;
  }
  return run === undefined;
}

/** A name as a path has it. Some clients encode its slashes, which are the only character that needs it. NAME_INVALID. */
export function requireRepositoryName(text: string): string {
  const name = text.length <= 3 * maxNameLength ? text.replaceAll(/%2f/gi, '/') : text;
  if (isRepositoryName(name)) return name;
  throw new RegistryError('NAME_INVALID', {
    message:
      `a repository name is up to ${maxNameLength} characters of lowercase letters and digits, with . _ __ or - between ` +
      'them, in components separated by slashes',
    detail: { name: name.slice(0, 300) },
  });
}

export function isTag(value: string): boolean {
  return value.length <= 128 && tagPattern.test(value);
}

const fallback = /^(sha256|sha512)-([0-9a-f]{64})$/;

/** The tag that clients without the referrers API store an index under (distribution-spec, "Referrers Tag Schema"). */
export function fallbackTag(digest: string): string {
  const colon = digest.indexOf(':');
  return `${digest.slice(0, colon).slice(0, 32)}-${digest.slice(colon + 1, colon + 65)}`;
}

/** Whether a tag has the referrers fallback form. */
export function isFallbackTag(tag: string): boolean {
  return fallback.test(tag);
}

const referrer = /^(?:sha256|sha512)-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;

/** Whether a tag is made of the digest that it says something about: the fallback form, or that of cosign's signatures. */
export function isReferrerTag(tag: string): boolean {
  return referrer.test(tag);
}
