import type { DirectCaller } from '../outbound/index.ts';
import { OutboundError } from '../outbound/index.ts';
import { type RegistryAddress, shown } from './registry-address.ts';

/** The user name that says that the password is a token (acr §2.2). */
export const nullUser = '00000000-0000-0000-0000-000000000000';

/** A login: what clients give as their password. */
export interface RefreshToken {
  token: string;
  /** When it ends (ms since 1970); undefined where the token does not say. */
  expiresAt: number | undefined;
}

/** The registry does not take a token. The message is for whoever logs in. */
export class LoginRefused extends Error {
  override readonly name = 'LoginRefused';
}

/** The registry cannot be spoken to, so that no other token would help. */
export class RegistryUnreachable extends Error {
  override readonly name = 'RegistryUnreachable';
}

/**
 * Gives the registry a token of an identity provider or of the operator for a refresh token (acr §2.2,
 * `POST /oauth2/exchange`). Throws LoginRefused, or RegistryUnreachable.
 */
export async function exchangeToken(
  call: DirectCaller,
  registry: RegistryAddress,
  token: string,
): Promise<RefreshToken> {
  const form = { grant_type: 'access_token', service: registry.authority, access_token: token };
  const answer = await call(`${registry.origin}/oauth2/exchange`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(form).toString(),
  }).catch((error: unknown) => {
    throw unreachable(error, registry);
  });
  const body = parsed(await answer.text());
  if (answer.status === 200 && typeof body?.['refresh_token'] === 'string') {
    return { token: body['refresh_token'], expiresAt: expiryOf(body['refresh_token']) };
  }
  const message = messageOf(body);
  if (message === undefined) {
    throw new RegistryUnreachable(
      `${registry.origin} answered with ${answer.status} and is no Bonded registry, or something stands in front of it; ` +
        'check host and port',
    );
  }
  throw new LoginRefused(`${registry.host} refused the login: ${message}`);
}

function unreachable(error: unknown, { origin, host }: RegistryAddress): unknown {
  if (!(error instanceof OutboundError)) return error;
  const { message, reason } = error;
  const secure = origin.startsWith('https:');
  if (reason === 'tls_refused') {
    return new RegistryUnreachable(
      `${message}; bonded login has --ca FILE for its authority, and --plain-http if it speaks plain http`,
      { cause: error },
    );
  }
  const other = secure ? '--plain-http if it speaks plain http' : `https://${host} if it speaks TLS`;
  if (reason !== 'unreachable') return new RegistryUnreachable(message, { cause: error });
  return new RegistryUnreachable(
    `${host} cannot be reached; check that the server runs and listens there, or give ${other}`,
    { cause: error },
  );
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The first error of an answer in the form of the OCI specification. */
function messageOf(body: Record<string, unknown> | undefined): string | undefined {
  const errors = body?.['errors'];
  const message = Array.isArray(errors) ? (errors[0] as { message?: unknown } | undefined)?.message : undefined;
  return typeof message === 'string' ? shown(message) : undefined;
}

/** What a token says (RFC 7519 §3), by whomever it is signed. Nobody is believed anything by it. */
export function claimsOf(token: string): Record<string, unknown> | undefined {
  return parsed(Buffer.from(token.split('.', 2)[1] ?? '', 'base64url').toString());
}

/** `exp` of a token (RFC 7519 §4.1.4), in ms. Nobody is believed anything by it. */
export function expiryOf(token: string): number | undefined {
  const exp = claimsOf(token)?.['exp'];
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined;
}
