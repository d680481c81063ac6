import * as oidc from 'openid-client';
import { whoOf } from './device.ts';
import { openLoopbackRedirect } from './loopback-redirect.ts';
import { openBrowser } from './open-browser.ts';
import { type Provider, explained, tokenOf } from './provider.ts';
import type { Proof, ProofRequest, Surroundings } from './proof.ts';

/** How long somebody may take to log in (ms). */
const patienceMs = 300_000;

/** A person logs in in a browser on this machine (RFC 8252; authorization code with PKCE, RFC 7636). */
export async function browserProof(
  { configuration, issuer, parameters }: Provider,
  request: ProofRequest,
  { environment, say }: Surroundings,
): Promise<Proof> {
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const nonce = oidc.randomNonce();
  // Entra takes any port of this name alone.
  const name = new URL(issuer).hostname === 'login.microsoftonline.com' ? 'localhost' : '127.0.0.1';
  using redirect = openLoopbackRedirect(state, name);
  const url = oidc.buildAuthorizationUrl(configuration, {
    ...parameters,
    redirect_uri: redirect.uri,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  say(`To log in, open this address in a browser on this machine:\n  ${url.href}`);
  openBrowser(url.href, environment);
  const arrived = await inTime(redirect.arrived);
  try {
    const tokens = await oidc.authorizationCodeGrant(
      configuration,
      arrived,
      { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
      parameters['resource'] === undefined ? undefined : { resource: parameters['resource'] },
    );
    return { token: tokenOf(tokens, request), who: whoOf(tokens.claims(), issuer) };
  } catch (error) {
    throw explained(error, 'the login at your identity provider did not succeed');
  }
}

async function inTime(arrived: Promise<URL>): Promise<URL> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new Error('nobody logged in within five minutes; try again, or use --method device');
  const timer = setTimeout(() => reject(late), patienceMs);
  return Promise.race([arrived, promise]).finally(() => clearTimeout(timer));
}
