import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

export const clientId = 'bonded-cli';
export const resource = 'https://registry.test/api';

/** A real provider of OpenID Connect on loopback, at which people log in to a native client, under any name. */
export async function openLoginProvider({ device = true }: { device?: boolean } = {}) {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const issuer = `http://localhost:${port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  const provider = new Provider(issuer, {
    jwks: { keys: [jwk] as never },
    clients: [
      {
        client_id: clientId,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://127.0.0.1/callback'],
        response_types: ['code'],
        grant_types: ['authorization_code', ...(device ? ['urn:ietf:params:oauth:grant-type:device_code'] : [])],
      },
    ],
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, preferred_username: sub, groups: ['builders'] }),
    }),
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: ['a-key-of-the-test'] },
    features: {
      // Forms to log in by any name and to consent.
      devInteractions: { enabled: true },
      deviceFlow: { enabled: device },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: '',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 3600,
        }),
      },
    },
  });
  const answer = provider.callback();
  server.on('request', (request, response) => void answer(request, response));
  return {
    issuer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * A person at a browser: opens an address, follows where it leads with cookies, and sends each form with what is in it and a
 * name. Resolves with the last page. `aborts` is where a person clicks on "abort" instead.
 */
export async function logInAs(name: string, address: string, { aborts = false } = {}): Promise<string> {
  const cookies = new Map<string, string>();
  let url = new URL(address);
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 30; step++) {
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join('; ') },
      ...(form && { body: form }),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(key, value);
    }
    const page = await answer.text();
    const location = answer.headers.get('location');
    form = undefined;
    if (location !== null) {
      url = new URL(location, url);
      continue;
    }
    const found = /<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/i.exec(page);
    if (!found) return page;
    if (aborts) {
      const link = /href="([^"]*\/abort)"/.exec(page)?.[1];
      if (link) {
        url = new URL(link, url);
        continue;
      }
    }
    form = new URLSearchParams({ login: name, password: 'any' });
    for (const [input] of found[2]!.matchAll(/<input[^>]*>/gi)) {
      const key = /name="([^"]+)"/.exec(input)?.[1];
      const value = /value="([^"]*)"/.exec(input)?.[1];
      if (key !== undefined && value !== undefined) form.set(key, value);
    }
    url = new URL(found[1]!, url);
  }
  throw new Error(`no end is reached: ${url.href}`);
}
