import { fetch } from '../../test/http/fetch.ts';
import { credentialsFor } from '../../test/support/credentials.ts';

/** The refresh token that somebody gets for a token of theirs, as `bonded login` does; the operator of a server by default. */
export async function refreshToken(url: string, token = credentialsFor(url).password): Promise<string> {
  const body = new URLSearchParams({ grant_type: 'access_token', access_token: token });
  const answer = await answerOf<{ refresh_token: string }>(`${url}/oauth2/exchange`, body);
  return answer.refresh_token;
}

/** An access token for these scopes, which is what clients send with each request. */
export async function accessToken(url: string, scope: string, refresh?: string): Promise<string> {
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refresh ?? (await refreshToken(url)),
    scope,
    service: new URL(url).host,
  });
  const { access_token: token } = await answerOf<{ access_token: string }>(`${url}/oauth2/token`, body);
  return token;
}

async function answerOf<T>(url: string, body: URLSearchParams): Promise<T> {
  const answer = await fetch(url, { method: 'POST', body, anonymous: true });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}
