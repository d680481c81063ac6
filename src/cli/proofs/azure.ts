import type { Proof, ProofRequest, Surroundings } from './proof.ts';
import { fieldOf, ifThere, probeMs } from './read-answer.ts';
import { readTokenFile } from './token-file.ts';

/** The resource that every tenant has for registries (acr §2.2). */
const defaultResource = 'https://containerregistry.azure.net';

/** By workload identity, by the endpoint that hosted applications have, or by the service of metadata of the machine. */
export async function azureProof(request: ProofRequest, surroundings: Surroundings): Promise<Proof | undefined> {
  return (
    (await byWorkloadIdentity(request, surroundings)) ??
    (await byEndpoint(request, surroundings)) ??
    (await byMachine(request, surroundings))
  );
}

/**
 * A service account of a cluster that Entra trusts (azure.github.io/azure-workload-identity): Entra gives a token of the
 * identity for its token. That one itself is for Entra and nobody else: whoever has it could be the identity everywhere.
 */
async function byWorkloadIdentity(
  { audience = defaultResource, clientId, tenantId }: ProofRequest,
  { environment, call }: Surroundings,
): Promise<Proof | undefined> {
  const file = environment['AZURE_FEDERATED_TOKEN_FILE'];
  const client = clientId ?? environment['AZURE_CLIENT_ID'];
  const tenant = tenantId ?? environment['AZURE_TENANT_ID'];
  if (!file || !client || !tenant) return undefined;
  const assertion = await readTokenFile(file);
  if (assertion === undefined) throw new Error(`there is no ${file}, which AZURE_FEDERATED_TOKEN_FILE names`);
  const authority = (environment['AZURE_AUTHORITY_HOST'] || 'https://login.microsoftonline.com').replace(/\/$/, '');
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: client,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
    scope: `${audience}/.default`,
  });
  const answer = await call(`${authority}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  return { token: await fieldOf(answer, 'access_token', 'Microsoft Entra ID'), who: `the identity ${client} of Entra` };
}

/** App Service, Functions, Container Apps (learn.microsoft.com/azure/app-service/overview-managed-identity). */
async function byEndpoint(
  { audience = defaultResource, clientId }: ProofRequest,
  { environment, call }: Surroundings,
): Promise<Proof | undefined> {
  const url = URL.parse(environment['IDENTITY_ENDPOINT'] ?? '');
  const secret = environment['IDENTITY_HEADER'];
  if (!url || !secret) return undefined;
  ask(url, '2019-08-01', audience, clientId ?? environment['AZURE_CLIENT_ID']);
  const answer = await call(url.href, { headers: { 'x-identity-header': secret } });
  return { token: await fieldOf(answer, 'access_token', 'IDENTITY_ENDPOINT'), who: 'the managed identity of this app' };
}

/** Azure Instance Metadata Service (learn.microsoft.com/entra/identity/managed-identities-azure-resources). */
async function byMachine(
  { audience = defaultResource, clientId }: ProofRequest,
  { environment, call, metadata }: Surroundings,
): Promise<Proof | undefined> {
  if (!metadata) return undefined;
  const url = new URL(`${metadata.azure}/metadata/identity/oauth2/token`);
  ask(url, '2018-02-01', audience, clientId ?? environment['AZURE_CLIENT_ID']);
  const answer = await ifThere(call(url.href, { headers: { metadata: 'true' }, timeoutMs: probeMs }));
  // Other clouds have something else at this address.
  if (!answer || answer.status === 404 || !answer.headers.get('content-type')?.includes('json')) return undefined;
  const token = await fieldOf(answer, 'access_token', 'the metadata service of Azure');
  return { token, who: 'the managed identity of this machine' };
}

function ask(url: URL, version: string, resource: string, clientId: string | undefined): void {
  url.searchParams.set('api-version', version);
  url.searchParams.set('resource', resource);
  if (clientId) url.searchParams.set('client_id', clientId);
}
