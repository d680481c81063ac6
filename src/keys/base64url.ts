const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The bytes of base64url without padding (RFC 7515 §2); undefined where it is not the one way to write them. Of two
 * spellings of one token, a list of refused ones would know only one.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

/** A JSON object in base64url, as the parts of a token hold it. */
export function encodeJson(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/**
 * What `encodeJson` wrote; undefined for anything else. Only the text that JSON.stringify writes is taken: a member that
 * comes twice, of which each reader may believe another one, is not in it.
 */
export function decodeJson(text: string): Record<string, unknown> | undefined {
  const bytes = decodeBase64url(text);
  if (!bytes) return undefined;
  try {
    const json = strict.decode(bytes);
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return JSON.stringify(value) === json ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
