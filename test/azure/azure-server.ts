import 'reflect-metadata';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenCredential } from '@azure/core-auth';
import { makeDevelopmentCertificate } from '../../src/cli/development-certificate.ts';
import { signerOf, signJws } from '../../src/keys/index.ts';
import { fetch } from '../http/fetch.ts';
import { builtInRole, group, registryId } from '../support/policies.ts';
import { startTestProcess, type TestProcess } from '../support/server.ts';

/** A server over TLS, an issuer that it trusts, and what clients of Azure need to work with both. */
export interface AzureServer extends AsyncDisposable {
  readonly server: TestProcess;
  readonly url: string;
  /** What every client is made with: it trusts the development authority, and does not try again. */
  readonly options: { tlsOptions: { ca: string }; retryOptions: { maxRetries: number } };
  /** As the operator. */
  call(path: string, init?: RequestInit): Promise<Response>;
  /** Writes a resource, below the group unless its path begins at the root. */
  put(path: string, properties: object, more?: object): Promise<{ id: string; properties: Record<string, unknown> }>;
  /** Who has these roles at a registry: tokens of the issuer, as a workload has them. */
  identity(name: string, roles: readonly string[], scope?: string): Promise<TokenCredential>;
}

const issuer = 'https://workloads.test';
const audience = 'https://containerregistry.azure.net';
const kid = 'workloads';
const version = 'api-version=2023-07-01';

export async function startAzureServer(): Promise<AzureServer> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'bonded-azure-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const { authority, certificate, key } = await makeDevelopmentCertificate(directory, ['*.localhost'], 1);
  const server = stack.use(await startTestProcess({ settings: { 'tls.certificate': certificate, 'tls.key': key } }));
  const ca = await readFile(authority, 'utf8');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }];

  const call: AzureServer['call'] = (path, init = {}) =>
    fetch(`${server.url}${path}`, { ...(init as BunFetchRequestInit), tls: { ca } });
  const put: AzureServer['put'] = async (path, properties, more = {}) => {
    const id = path.startsWith('/') ? path : `${group}/providers/${path}`;
    const answer = await call(`${id}?${versionOf(id)}`, {
      method: 'PUT',
      body: JSON.stringify({ ...more, properties }),
      headers: { 'Content-Type': 'application/json' },
    });
    if (!answer.ok) throw new Error(`PUT ${id} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as Awaited<ReturnType<AzureServer['put']>>;
  };

  await put('Microsoft.ContainerRegistry/trustedIssuers/workloads', {
    issuer,
    audiences: [audience],
    jwks: { keys },
  });

  const identity: AzureServer['identity'] = async (name, roles, scope = registryId('default')) => {
    const at = `Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
    const { principalId } = (await put(at, {}, { location: 'local' })).properties as { principalId: string };
    await put(`${at}/federatedIdentityCredentials/token`, { issuer, subject: name, audiences: [audience] });
    for (const role of roles) {
      await put(`${scope}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`, {
        roleDefinitionId: builtInRole(role).id,
        principalId,
      });
    }
    return {
      async getToken() {
        const now = Math.floor(Date.now() / 1000);
        const claims = {
          iss: issuer,
          sub: name,
          aud: audience,
          iat: now,
          nbf: now,
          exp: now + 3600,
          jti: randomUUID(),
        };
        const token = signJws(signerOf(kid, privateKey), claims);
        return { token, expiresOnTimestamp: (now + 3600) * 1000 };
      },
    };
  };

  const owned = stack.move();
  const options = { tlsOptions: { ca }, retryOptions: { maxRetries: 0 } };
  return { server, url: server.url, options, call, put, identity, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function versionOf(id: string): string {
  if (id.includes('Microsoft.Authorization')) return 'api-version=2022-04-01';
  return id.includes('Microsoft.ManagedIdentity') ? 'api-version=2023-01-31' : version;
}
