import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { openTlsServer } from '../../outbound/test-servers.double.ts';
import { type TrustedIssuerInput, trustedIssuerSchema } from './trusted-issuer.ts';

export const host = 'cluster.test';
export const audience = 'registry.test';

/** A key that signs, with its public part as it is published. */
export async function makeKey(kid: string, alg = 'RS256') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { kid, alg, privateKey, jwk };
}

export type TestKey = Awaited<ReturnType<typeof makeKey>>;

/** A JWS of any header and any bytes. */
export async function signRaw(key: TestKey, header: object, payload: string): Promise<string> {
  const encode = (text: string) => Buffer.from(text).toString('base64url');
  const input = `${encode(JSON.stringify(header))}.${encode(payload)}`;
  const name = { name: 'RSASSA-PKCS1-v1_5' };
  const signature = await crypto.subtle.sign(name, key.privateKey, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString('base64url')}`;
}

/** Claims as Kubernetes has them (TokenRequest), at a time in ms. */
export function claimsOf(issuer: string, now: number): Record<string, unknown> {
  const at = Math.floor(now / 1000);
  return {
    aud: [audience],
    exp: at + 3600,
    iat: at,
    iss: issuer,
    jti: 'e51f1fbc-4733-4b85-a59f-ba80c0523874',
    'kubernetes.io': {
      namespace: 'shop',
      node: { name: 'node-1', uid: '517eb86e-b863-451b-bf70-86cb61439a3a' },
      pod: { name: 'web-0', uid: '0d8b260e-ef0e-45fb-be8e-ff44f97722e8' },
      serviceaccount: { name: 'puller', uid: 'e6a8680e-d103-4cce-80ea-03acbbeacf7d' },
    },
    nbf: at,
    sub: 'system:serviceaccount:shop:puller',
  };
}

/** An issuer as the API server of Kubernetes is one, over TLS, whose answers and keys the test has in its hands. */
export async function openTestIssuer() {
  const first = await makeKey('key-1');
  const state = {
    keys: [first.jwk] as unknown[],
    headers: {} as Record<string, string>,
    requests: { discovery: 0, keys: 0 },
    /** Instead of the documents. */
    answer: undefined as ((path: string) => Response | Promise<Response> | undefined) | undefined,
  };
  let issuer = '';
  const server = await openTlsServer([host], async (request) => {
    const { pathname } = new URL(request.url);
    const isKeys = pathname === '/openid/v1/jwks';
    if (isKeys) state.requests.keys++;
    else state.requests.discovery++;
    const other = await state.answer?.(pathname);
    if (other) return other;
    if (isKeys) return Response.json({ keys: state.keys }, { headers: state.headers });
    if (pathname !== '/.well-known/openid-configuration') return new Response(null, { status: 404 });
    return Response.json({
      issuer,
      jwks_uri: `${issuer}/openid/v1/jwks`,
      id_token_signing_alg_values_supported: ['RS256'],
    });
  });
  issuer = `https://${host}:${server.port}`;

  return {
    issuer,
    state,
    key: first,
    authority: server.authority,
    trust: (more: Partial<TrustedIssuerInput> = {}) =>
      trustedIssuerSchema.parse({ name: 'cluster', issuer, preset: 'kubernetes', audiences: [audience], ...more }),
    /** A token at a time (ms), with claims and header changed; undefined ones are left out. */
    token(
      now: number,
      claims: object = {},
      header: object = {},
      key: { kid: string; alg: string; privateKey: CryptoKey } = first,
    ) {
      return new SignJWT({ ...claimsOf(issuer, now), ...claims })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.privateKey);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
