import * as oidc from 'openid-client';
import { shown } from '../registry-address.ts';
import { type Provider, explained, tokenOf } from './provider.ts';
import type { Proof, ProofRequest, Surroundings } from './proof.ts';

/** A person logs in on any device by a code that is shown here (RFC 8628). */
export async function deviceProof(
  { configuration, issuer, parameters }: Provider,
  request: ProofRequest,
  { say }: Surroundings,
): Promise<Proof> {
  try {
    const asked = await oidc.initiateDeviceAuthorization(configuration, parameters);
    const { user_code: code, verification_uri: address, verification_uri_complete: complete } = asked;
    say(`To log in, open ${shown(address)} and enter the code ${shown(code)}`);
    if (complete !== undefined) say(`  or open ${shown(complete)}`);
    const tokens = await oidc.pollDeviceAuthorizationGrant(configuration, asked, {
      ...(parameters['resource'] !== undefined && { resource: parameters['resource'] }),
    });
    return { token: tokenOf(tokens, request), who: whoOf(tokens.claims(), issuer) };
  } catch (error) {
    throw explained(error, 'the login at your identity provider did not succeed');
  }
}

/** Somebody in words, by what their ID token says. */
export function whoOf(claims: oidc.IDToken | undefined, issuer: string): string {
  const names = [claims?.['preferred_username'], claims?.['email'], claims?.['name'], claims?.sub];
  const name = names.find((value) => typeof value === 'string');
  return name === undefined ? `somebody whom ${shown(issuer)} knows` : shown(name);
}
