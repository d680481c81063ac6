import { jsonShape } from '../../oci/index.ts';
import type { Outbound } from '../../outbound/index.ts';
import { type KeySet, keySetOf } from './key-set.ts';
import { maxKeySetBytes, type TrustedIssuer } from './trusted-issuer.ts';

const timeoutMs = 5000;
const maxDiscoveryBytes = 262_144;
const maxDepth = 12;

/** How long keys are good where the issuer says nothing, and the bounds of what it may say (ms). */
const usualMs = 3_600_000;
export const shortestMs = 300_000;
export const longestMs = 86_400_000;

export interface FetchedKeys {
  keys: KeySet;
  /** How long they need not be fetched again (ms). */
  freshMs: number;
}

/** What an issuer answered is not what it should be. */
export class InvalidIssuer extends Error {}

/**
 * Fetches the keys of an issuer, by its discovery document (OpenID Connect Discovery 1.0, 4) where it has no `jwksUri`.
 * Throws InvalidIssuer where the answer is wrong, another error where there is none; all for the log.
 */
export async function fetchKeys(outbound: Outbound, issuer: TrustedIssuer): Promise<FetchedKeys> {
  const uri = issuer.jwksUri ?? (await discoverKeys(outbound, issuer));
  const { value, headers } = await fetchJson(outbound, uri, maxKeySetBytes);
  try {
    return { keys: keySetOf(value), freshMs: freshnessOf(headers.get('cache-control')) };
  } catch (error) {
    throw new InvalidIssuer((error as Error).message);
  }
}

async function discoverKeys(outbound: Outbound, { issuer, discovery }: TrustedIssuer): Promise<string> {
  const url = discovery ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { value } = await fetchJson(outbound, url, maxDiscoveryBytes);
  const { issuer: named, jwks_uri: uri } = value as { issuer?: unknown; jwks_uri?: unknown };
  // Else whoever answers at one address could speak for another (4.3).
  if (named !== issuer) throw new InvalidIssuer('the discovery document names another issuer');
  if (typeof uri !== 'string') throw new InvalidIssuer('the discovery document has no jwks_uri');
  if (url.startsWith('https:') && !uri.startsWith('https:')) {
    throw new InvalidIssuer('the discovery document leads from https to a jwks_uri that is not');
  }
  return uri;
}

async function fetchJson(outbound: Outbound, url: string, maxBytes: number) {
  const options = { accept: 'application/json', maxBytes, timeoutMs, maxRedirects: 2 };
  const { status, headers, bytes } = await outbound.request(url, options);
  if (status >= 500 || status === 429) throw new Error(`${url} answered with status ${status}`);
  if (status !== 200) throw new InvalidIssuer(`${url} answered with status ${status}`);
  const text = new TextDecoder().decode(bytes);
  if (jsonShape(text).depth > maxDepth) throw new InvalidIssuer(`${url} is nested too deep`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return { value, headers };
  } catch (error) {
    throw new InvalidIssuer(`${url} is not JSON`, { cause: error });
  }
  throw new InvalidIssuer(`${url} is not a JSON object`);
}

/** `max-age` (RFC 9111, 5.2.2.1) within bounds. */
export function freshnessOf(cacheControl: string | null): number {
  const directives = (cacheControl ?? '').toLowerCase();
  if (/\bno-(?:store|cache)\b/.test(directives)) return shortestMs;
  const seconds = /(?:^|[\s,])max-age="?([0-9]{1,10})/.exec(directives)?.[1];
  return seconds === undefined ? usualMs : Math.min(longestMs, Math.max(shortestMs, Number(seconds) * 1000));
}
