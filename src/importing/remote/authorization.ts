import { type Outbound, OutboundError } from '../../outbound/index.ts';
import { importFailed } from '../failure.ts';
import { parseChallenge } from './challenge.ts';
import { basicOf, type Credentials } from './credentials.ts';

/** Longest answer of a token server (bytes), and the longest it may take (ms). */
const largestAnswer = 256 * 1024;
const timeoutMs = 30_000;

export interface AuthorizationOptions {
  outbound: Outbound;
  /** Scheme, host and port of the registry. */
  origin: string;
  /** What is asked for where the registry does not say. */
  scope: string;
  credentials(): Promise<Credentials | undefined>;
  /** Ends the request. */
  signal: AbortSignal;
}

/** A token server that has no token now, and may have one later. */
export class TokenServerBusy extends OutboundError {
  /** `Retry-After`, as it was said. */
  readonly retryAfter: string | null;

  constructor(host: string, status: number, retryAfter: string | null) {
    super('unreachable', `${host}, which gives out its tokens, answered with ${status}, again and again; try later`);
    this.retryAfter = retryAfter;
  }
}

/**
 * The header to show for what a registry has asked for: a token of the server that it names, got with the credentials, or the
 * credentials themselves. Throws where there is none to be had, TokenServerBusy where there may be one later. A token server that is called by plain http gets nothing from a
 * registry that is not.
 */
export async function authorize(
  { outbound, origin, scope, credentials, signal }: AuthorizationOptions,
  header: string | null,
): Promise<string> {
  const { host } = new URL(origin);
  const challenge = parseChallenge(header);
  if (!challenge) throw importFailed(`${host} asks for a kind of login that is not supported`);
  const known = await credentials();
  if (challenge.scheme === 'basic') {
    if (known) return basicOf(known);
    throw importFailed(`${host} asks for a user name and a password; give credentials`);
  }
  const url = URL.canParse(challenge.realm) ? new URL(challenge.realm) : undefined;
  if (!url) throw importFailed(`${host} names a token server that has no address`);
  if (origin.startsWith('https:') && url.protocol !== 'https:') {
    throw importFailed(`${host} names a token server that is not called by https`);
  }
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
  url.searchParams.set('scope', challenge.scope ?? scope);
  const answer = await outbound.request(url.href, {
    accept: 'application/json',
    headers: known ? { authorization: basicOf(known) } : {},
    maxBytes: largestAnswer,
    timeoutMs,
    signal,
  });
  if (answer.status === 429 || answer.status >= 500) {
    throw new TokenServerBusy(url.host, answer.status, answer.headers.get('retry-after'));
  }
  if (answer.status === 401 || answer.status === 403) {
    throw importFailed(
      known
        ? `${url.host} refuses the credentials for ${host}`
        : `${url.host} gives nobody a token for ${host}; give credentials`,
    );
  }
  const token = answer.status === 200 ? tokenOf(answer.bytes) : undefined;
  if (token === undefined) throw importFailed(`${url.host} answered with ${answer.status} and no token`);
  return `Bearer ${token}`;
}

function tokenOf(bytes: Uint8Array): string | undefined {
  try {
    const { token, access_token: access } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const found = token ?? access;
    // It goes into a header as it is.
    return typeof found === 'string' && /^[\x21-\x7e]{1,131072}$/.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}
