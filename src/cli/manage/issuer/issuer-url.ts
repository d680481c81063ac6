import { trustedIssuerType } from '../../../identity/index.ts';
import type { ManagementClient } from '../../../operations/index.ts';

/** `iss` of an issuer: what was given, or that of the trusted issuer of that name. */
export async function issuerUrl(client: ManagementClient, given: string): Promise<string> {
  // A name has no colon, and what tokens have as iss is a URL or a URN.
  if (given.includes(':')) return given;
  return (await client.get(trustedIssuerType, [given])).properties.issuer;
}
