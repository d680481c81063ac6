/** A package URL (purl specification, ECMA-427): `pkg:type/namespace/name@version?qualifiers#subpath`. Parts are decoded. */
export interface PackageUrl {
  type: string;
  /** Segments are divided by `/`. */
  namespace?: string;
  name: string;
  version?: string;
  qualifiers?: Record<string, string>;
  subpath?: string;
}

/** Longest text that is read as a package URL. */
export const maxPurlLength = 4096;

/** Types whose names do not tell cases apart (purl-types); `namespace` alone where the name does. */
const lowered: Readonly<Record<string, 'both' | 'namespace'>> = {
  alpm: 'both',
  apk: 'both',
  bitbucket: 'both',
  bitnami: 'both',
  composer: 'both',
  deb: 'both',
  github: 'both',
  golang: 'both',
  hex: 'both',
  npm: 'both',
  oci: 'both',
  pub: 'both',
  pypi: 'both',
  qpkg: 'namespace',
  rpm: 'namespace',
};

/**
 * A package URL in its canonical form: normalised for its type, encoded, qualifiers in order. What comes from an image is
 * printed whatever it is: control characters and separators are encoded.
 */
export function purlOf(parts: PackageUrl): string {
  const { type, namespace, name, version, qualifiers, subpath } = normalised(parts);
  const pairs = Object.entries(qualifiers ?? {})
    .map(([key, value]) => `${key}=${encode(value)}`)
    .toSorted()
    .join('&');
  return (
    `pkg:${type}/${namespace ? `${segments(namespace)}/` : ''}${encode(name)}` +
    `${version ? `@${encode(version)}` : ''}${pairs ? `?${pairs}` : ''}${subpath ? `#${segments(subpath)}` : ''}`
  );
}

/** Reads a package URL as the specification's "How to parse" has it, from its end. Undefined for what is none. */
export function parsePurl(text: string): PackageUrl | undefined {
  if (text.length > maxPurlLength) return undefined;
  const [beforeSubpath, subpath] = cutLast(text.trim(), '#');
  const [beforeQualifiers, query] = cutLast(beforeSubpath, '?');
  const scheme = /^pkg:\/*/i.exec(beforeQualifiers)?.[0];
  if (scheme === undefined) return undefined;
  const path = beforeQualifiers.slice(scheme.length);
  const slash = path.indexOf('/');
  if (slash < 0) return undefined;
  const type = path.slice(0, slash).toLowerCase();
  // A version may not begin before the last slash: `@` of a scope that nobody encoded is not one.
  const rest = path.slice(slash + 1).replaceAll(/^\/+|\/+$/g, '');
  const at = rest.lastIndexOf('@');
  const hasVersion = at > 0 && !(rest[at - 1] === '/' || rest.slice(at).includes('/'));
  const [named, version] = hasVersion ? [rest.slice(0, at), rest.slice(at + 1)] : [rest, undefined];
  const lastSlash = named.lastIndexOf('/');
  try {
    const name = decodeURIComponent(named.slice(lastSlash + 1));
    const namespace = lastSlash < 0 ? '' : decodeSegments(named.slice(0, lastSlash));
    const qualifiers = query === undefined ? undefined : parseQualifiers(query);
    if (!isType(type) || name === '' || (query !== undefined && !qualifiers)) return undefined;
    return normalised({
      type,
      name,
      namespace,
      ...(version !== undefined && { version: decodeURIComponent(version) }),
      ...(qualifiers && { qualifiers }),
      ...(subpath !== undefined && { subpath: decodeSegments(subpath) }),
    });
  } catch {
    // A percent sign that begins no character.
    return undefined;
  }
}

function isType(type: string): boolean {
  return /^[a-z][a-z0-9.-]{0,63}$/.test(type);
}

/** The parts as the type wants them; what is empty is left out. */
function normalised(parts: PackageUrl): PackageUrl {
  const type = parts.type.toLowerCase();
  const how = Object.hasOwn(lowered, type) ? lowered[type] : undefined;
  const namespace = trimmed(parts.namespace, how !== undefined);
  const name = how === 'both' ? parts.name.toLowerCase() : parts.name;
  const subpath = (parts.subpath ?? '')
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.' && segment !== '..')
    .join('/');
  const qualifiers = Object.entries(parts.qualifiers ?? {})
    .map(([key, value]) => [key.toLowerCase(), value] as const)
    .filter(([key, value]) => value !== '' && isQualifierKey(key));
  return {
    type,
    ...(namespace !== '' && { namespace }),
    name: type === 'pypi' ? name.replaceAll('_', '-') : name,
    ...(parts.version !== undefined && parts.version !== '' && { version: parts.version }),
    ...(qualifiers.length > 0 && { qualifiers: Object.fromEntries(qualifiers) }),
    ...(subpath !== '' && { subpath }),
  };
}

function trimmed(namespace: string | undefined, lower: boolean): string {
  const text = (namespace ?? '').split('/').filter(Boolean).join('/');
  return lower ? text.toLowerCase() : text;
}

function isQualifierKey(key: string): boolean {
  return /^[a-z][a-z0-9._-]{0,63}$/.test(key);
}

/** Undefined where a key is none or is there twice. */
function parseQualifiers(query: string): Record<string, string> | undefined {
  const found = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const key = pair.slice(0, Math.max(equals, 0)).toLowerCase();
    if (!isQualifierKey(key) || found.has(key)) return undefined;
    found.set(key, decodeURIComponent(pair.slice(equals + 1)));
  }
  return Object.fromEntries(found);
}

function decodeSegments(path: string): string {
  return path
    .split('/')
    .filter(Boolean)
    .map((segment) => decodeURIComponent(segment))
    .join('/');
}

function segments(path: string): string {
  return path.split('/').map(encode).join('/');
}

/** Percent-encodes all but letters, digits and `.-_~:`. Halves of surrogate pairs become U+FFFD. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll('%3A', ':')
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function cutLast(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.lastIndexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
