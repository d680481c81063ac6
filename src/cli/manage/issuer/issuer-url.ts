import { trustedIssuerType } from '../../../identity/index.ts';
import { type ManagementClient, ManagementClientError } from '../../../operations/index.ts';

/** What to tell somebody who writes down an issuer that is not trusted; undefined where it is, or where that cannot be seen. */
export async function untrusted(client: ManagementClient, iss: string): Promise<string | undefined> {
  try {
    const known = await client.list(trustedIssuerType);
    if (known.some(({ properties }) => properties.issuer === iss && properties.enabled)) return undefined;
    return `Note that ${iss} is not trusted, so none of its tokens is accepted; bonded issuer create says that it is`;
  } catch (error) {
    if (error instanceof ManagementClientError && error.status === 403) return undefined;
    throw error;
  }
}

/** `iss` of an issuer: what was given, or that of the trusted issuer of that name. */
export async function issuerUrl(client: ManagementClient, given: string): Promise<string> {
  // A name has no colon, and what tokens have as iss is a URL or a URN.
  if (given.includes(':')) return given;
  return (await client.get(trustedIssuerType, [given])).properties.issuer;
}
