import { createServer } from 'node:http';
import type { JWK } from 'jose';
import { Provider } from 'oidc-provider';

/**
 * A real provider of OpenID Connect on loopback, whose one client gets access tokens that are JWTs (RFC 9068) for
 * `audience`. The keys are private ones.
 */
export async function openProvider(port: number, audience: string, keys: readonly JWK[]) {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: bound } = server.address() as { port: number };
  const issuer = `http://localhost:${bound}`;
  const provider = new Provider(issuer, {
    jwks: { keys: [...keys] as never },
    clients: [
      {
        client_id: 'builder',
        client_secret: 'a-secret-of-the-test',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        getResourceServerInfo: () => ({ scope: '', audience, accessTokenFormat: 'jwt', accessTokenTTL: 21_600 }),
      },
    },
  });
  const answer = provider.callback();
  server.on('request', (request, response) => void answer(request, response));

  return {
    issuer,
    port: bound,
    /** An access token by the client's own secret. */
    async token(): Promise<string> {
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('builder:a-secret-of-the-test')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
        proxy: '',
      } as RequestInit);
      const { access_token: token } = (await response.json()) as { access_token?: string };
      if (token === undefined) throw new Error(`no token: ${response.status}`);
      return token;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
