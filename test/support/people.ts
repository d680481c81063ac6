import { randomUUID } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import { builtInRoles } from '../../src/access/index.ts';
import type { App } from '../../src/app/index.ts';
import { makeKey } from '../../src/identity/federation/test-issuer.double.ts';
import { trustedIssuerProperties } from '../../src/identity/federation/trusted-issuer.ts';
import { principalIdOf } from '../../src/identity/principal-id.ts';
import { groupScope } from '../../src/operations/index.ts';
import type { Resource, Resources } from '../../src/resources/index.ts';

export const issuer = 'https://people.test';
export const audience = 'bonded';
export const registryScope = `${groupScope}/providers/Microsoft.ContainerRegistry/registries/default`;
const identities = `${groupScope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`;
export const issuerId = (name: string) => `${groupScope}/providers/Microsoft.ContainerRegistry/trustedIssuers/${name}`;

type Properties = Record<string, unknown>;

/**
 * People and machines of an issuer whose key the test has, written straight into the resources of a server. What was
 * written counts once `refresh` has resolved.
 */
export async function openPeople({ resources, refresh }: { resources: Resources; refresh(): Promise<void> }) {
  const key = await makeKey('people-1', 'ES256');
  const put = async (id: string, properties: Properties): Promise<Resource> => {
    const { resource } = await resources.put(id, { location: 'local', properties }, { by: 'test' });
    await refresh();
    return resource;
  };
  const remove = async (id: string): Promise<void> => {
    await resources.delete(id, { by: 'test' });
    await refresh();
  };
  const trust = (more: Properties = {}, name = 'people') =>
    put(
      issuerId(name),
      trustedIssuerProperties.parse({ issuer, audiences: [audience], jwks: { keys: [key.jwk] }, ...more }),
    );
  await trust();

  return {
    key,
    put,
    remove,
    trust,
    /** Changes some properties of the registry. */
    async registry(properties: Properties): Promise<void> {
      const change = (previous: Resource) => ({ ...previous, properties: { ...previous.properties, ...properties } });
      await resources.patch(registryScope, change, { by: 'test' });
      await refresh();
    },
    /** An identity whose federated credential is for one subject; resolves with its principal id. */
    async identity(name: string, properties: Properties = {}): Promise<string> {
      const identity = await put(`${identities}/${name}`, { status: 'enabled' });
      await put(`${identities}/${name}/federatedIdentityCredentials/main`, {
        issuer,
        audiences: [audience],
        subject: name,
        ...properties,
      });
      return principalIdOf(identity);
    },
    identityId: (name: string) => `${identities}/${name}`,
    credentialId: (name: string) => `${identities}/${name}/federatedIdentityCredentials/main`,
    /** Assigns a role by its name, built-in, or by its id; resolves with the id of the assignment. */
    async assign(role: string, whom: string | Properties, more: Properties = {}, scope = registryScope) {
      const id = `${scope}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;
      const roleDefinitionId = builtInRoles.find(({ roleName }) => roleName === role)?.id ?? role;
      const principal = typeof whom === 'string' ? { principalType: 'ServicePrincipal', principalId: whom } : whom;
      await put(id, { roleDefinitionId, ...principal, ...more });
      return id;
    },
    /** A repository-scoped token and its scope map. */
    async token(name: string, actions: string[], status = 'enabled'): Promise<string> {
      const map = `${registryScope}/scopeMaps/map-${name}`;
      await put(map, { actions });
      await put(`${registryScope}/tokens/${name}`, { scopeMapId: map, status });
      return `${registryScope}/tokens/${name}`;
    },
    /** What somebody shows. */
    jwt: (subject: string, claims: JWTPayload = {}, header: Properties = {}, nowMs = Date.now()) =>
      jwt(key, subject, claims, header, nowMs),
  };
}

/** A token of the issuer, of an hour; claims that are undefined are left out. */
export function jwt(
  { kid, alg, privateKey }: Pick<Awaited<ReturnType<typeof makeKey>>, 'kid' | 'alg' | 'privateKey'>,
  subject: string,
  claims: JWTPayload = {},
  header: Properties = {},
  nowMs = Date.now(),
): Promise<string> {
  const iat = Math.floor(nowMs / 1000);
  const all = { iss: issuer, sub: subject, aud: audience, iat, nbf: iat, exp: iat + 3600, jti: randomUUID() };
  return new SignJWT({ ...all, ...claims }).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
}

/** Makes a password of the admin user or of a token. */
export function makePassword(
  { access, storage }: App,
  owner: { kind: 'admin' | 'token'; name: string; registryId?: number },
  { slot = 'password1', expiresAt }: { slot?: 'password1' | 'password2'; expiresAt?: number } = {},
): Promise<{ id: string; value: string }> {
  const { passwords } = access.identification;
  return storage.db.write((tx) => passwords.generate(tx, { registryId: 1, ...owner }, slot, expiresAt));
}

export const nullUser = '00000000-0000-0000-0000-000000000000';
export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
export const bearer = (token: string): string => `Bearer ${token}`;
