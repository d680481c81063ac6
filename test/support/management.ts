import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { builtInRoles } from '../../src/access/index.ts';
import { groupScope } from '../../src/operations/index.ts';
import { fetch } from '../http/fetch.ts';

export const registry = `${groupScope}/providers/Microsoft.ContainerRegistry/registries/default`;
const identities = `${groupScope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`;

interface Answer {
  id: string;
  etag: string;
  name: string;
  properties: Record<string, never>;
}

/** The management API of a server, as its operator uses it; what is refused throws. */
export function managementOf(url: string) {
  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${url}${path}?api-version=${versionFor(path)}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
  const put = (id: string, properties: object) => call('PUT', id, { properties }) as Promise<Answer>;
  return {
    put,
    patch: (id: string, properties: object) => call('PATCH', id, { properties }) as Promise<Answer>,
    post: (id: string, body: object) => call('POST', id, body),
    get: (id: string) => call('GET', id) as Promise<Answer>,
    delete: (id: string) => call('DELETE', id),
    /** An identity; resolves with its principal id. */
    async identity(name: string, status = 'enabled'): Promise<string> {
      return (await put(`${identities}/${name}`, { status })).properties['principalId']!;
    },
    credential: (identity: string, name: string, properties: object) =>
      put(`${identities}/${identity}/federatedIdentityCredentials/${name}`, properties),
    /** Assigns a role; resolves with the id of the assignment. */
    async assign(roleName: string, whom: object, scope = registry): Promise<string> {
      const roleDefinitionId = builtInRoles.find((role) => role.roleName === roleName)!.id;
      const id = `${scope}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;
      return (await put(id, { roleDefinitionId, ...whom })).id;
    },
    trust: (name: string, properties: object) =>
      put(`${groupScope}/providers/Microsoft.ContainerRegistry/trustedIssuers/${name}`, properties),
    /** A token with a scope map of its own; resolves with its first password. */
    async token(name: string, actions: string[], expiry?: string): Promise<string> {
      const { id: scopeMapId } = await put(`${registry}/scopeMaps/${name}-map`, { actions });
      const { id: tokenId } = await put(`${registry}/tokens/${name}`, { scopeMapId });
      const input = { tokenId, name: 'password1', ...(expiry !== undefined && { expiry }) };
      const made = (await call('POST', `${registry}/generateCredentials`, input)) as { passwords: { value: string }[] };
      return made.passwords[0]!.value;
    },
  };
}

function versionFor(path: string): string {
  const [, provider] = /.*\/providers\/([A-Za-z.]+)/.exec(path) ?? [];
  if (provider === 'Microsoft.ManagedIdentity') return '2023-01-31';
  return provider === 'Microsoft.Authorization' ? '2022-04-01' : '2025-11-01';
}

/** An issuer whose keys are pinned, so that nothing is fetched. */
export async function makeIssuer(issuer = 'https://issuer.test', audience = 'bonded') {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] };
  return {
    issuer,
    properties: { issuer, audiences: [audience], jwks },
    token(claims: Record<string, unknown>): Promise<string> {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({ iss: issuer, aud: audience, iat: now, exp: now + 600, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'JWT' })
        .sign(privateKey);
    },
  };
}
