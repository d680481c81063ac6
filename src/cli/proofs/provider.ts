import * as oidc from 'openid-client';
import type { DirectCaller } from '../../outbound/index.ts';
import { OutboundError } from '../../outbound/index.ts';
import { shown } from '../registry-address.ts';
import type { ProofRequest, Surroundings } from './proof.ts';

/** An identity provider at which people log in, and what to ask it for. */
export interface Provider {
  configuration: oidc.Configuration;
  issuer: string;
  parameters: Record<string, string>;
}

/** Scopes of OpenID Connect that say who somebody is; groups come with them where the provider has them. */
const usualScope = 'openid profile email';

/** Reads what the provider says of itself (OpenID Connect Discovery 1.0 §4). Throws an Error for whoever logs in. */
export async function discoverProvider(
  { issuer, clientId, scope = usualScope, audience }: ProofRequest,
  { call }: Surroundings,
): Promise<Provider> {
  const url = issuer === undefined ? null : URL.parse(issuer);
  if (!url || issuer === undefined || clientId === undefined) {
    throw new Error('name your identity provider and the client that is registered there: --issuer URL --client-id ID');
  }
  const isHere = /^(?:localhost|127\.|\[::1\])/.test(url.hostname);
  if (url.protocol !== 'https:' && !isHere) throw new Error(`${shown(issuer)} must begin with https://`);
  try {
    const configuration = await oidc.discovery(url, clientId, undefined, oidc.None(), {
      [oidc.customFetch]: callAsFetch(call),
      // Only on this machine, where nobody is in between.
      ...(url.protocol === 'http:' && { execute: [oidc.allowInsecureRequests] }),
    });
    // A token for an API of its own is asked for by RFC 8707.
    const parameters = { scope, ...(audience !== undefined && { resource: audience }) };
    return { configuration, issuer, parameters };
  } catch (error) {
    throw explained(error, `${shown(issuer)} does not answer as an identity provider`);
  }
}

interface Tokens {
  id_token?: string | undefined;
  access_token: string;
}

/** The token that a registry can read: for an audience the access token, else the one that says who somebody is. */
export function tokenOf({ id_token: idToken, access_token: accessToken }: Tokens, { audience }: ProofRequest): string {
  const token = audience === undefined ? idToken : accessToken;
  if (token !== undefined) return token;
  throw new Error('the identity provider gives no ID token; ask for the scope openid, or give --audience');
}

/** An error of the provider in words, without what it may quote. */
export function explained(error: unknown, what: string): Error {
  const inner = (error as { cause?: unknown }).cause;
  if (error instanceof OutboundError || inner instanceof OutboundError) {
    return new Error(`${what}: ${(error instanceof OutboundError ? error : (inner as Error)).message}`, {
      cause: error,
    });
  }
  const { error: code, error_description: description, message } = error as Record<string, unknown>;
  const said = [description, code, message].find((text): text is string => typeof text === 'string');
  return new Error(`${what}: ${shown(said ?? 'no reason is given')}`, { cause: error });
}

function callAsFetch(call: DirectCaller): oidc.CustomFetch {
  return (url, { method, headers, body }) =>
    call(url, {
      method,
      headers,
      ...((typeof body === 'string' || body instanceof URLSearchParams) && { body: body.toString() }),
    });
}
