import { fetch } from './fetch.ts';

type Fields = Record<string, string | readonly string[]>;

/** Fields of a form or query; a list is one that comes several times. */
function formOf(fields: Fields): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) form.append(name, one);
  return form;
}

export const hostOf = (url: string): string => new URL(url).host;

/** `POST /oauth2/exchange` of a token, as itself. */
export function exchange(url: string, token: string, fields: Fields = {}): Promise<Response> {
  const body = formOf({ grant_type: 'access_token', service: hostOf(url), access_token: token, ...fields });
  return fetch(`${url}/oauth2/exchange`, { method: 'POST', body, anonymous: true });
}

export function postToken(url: string, fields: Fields): Promise<Response> {
  const body = formOf({ service: hostOf(url), ...fields });
  return fetch(`${url}/oauth2/token`, { method: 'POST', body, anonymous: true });
}

export function getToken(url: string, authorization: string | undefined, scope: string[] = []): Promise<Response> {
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  return fetch(`${url}/oauth2/token?${formOf({ service: hostOf(url), scope })}`, { headers, anonymous: true });
}

/** The refresh token for a token. */
export async function refreshToken(url: string, token: string): Promise<string> {
  return field(await exchange(url, token), 'refresh_token');
}

/** An access token for what somebody shows. */
export async function accessToken(url: string, authorization: string | undefined, scope: string[]): Promise<string> {
  return field(await getToken(url, authorization, scope), 'access_token');
}

async function field(response: Response, name: string): Promise<string> {
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return ((await response.json()) as Record<string, string>)[name]!;
}

/** What a token claims. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
}
