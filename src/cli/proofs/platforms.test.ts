import { expect, test } from 'bun:test';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { azureProof } from './azure.ts';
import { googleProof } from './google.ts';
import { kubernetesProof } from './kubernetes.ts';
import { githubProof, gitlabProof } from './pipelines.ts';
import { openPlatform, requestTo, surroundings } from './proof-rig.double.ts';

const inFile = async (text: string, action: (path: string) => Promise<void>) => {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-proof-'));
  try {
    const path = join(directory, 'token');
    await writeFile(path, text);
    await chmod(path, 0o600);
    await action(path);
  } finally {
    await rm(directory, { recursive: true });
  }
};

test('GitHub Actions is asked for a token of an audience', async () => {
  await using platform = openPlatform(() => ({ value: 'the.id.token', count: 1 }));
  const environment = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${platform.origin}/run/1?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
    GITHUB_REPOSITORY: 'acme/shop',
  };
  const proof = await githubProof(requestTo(), surroundings(environment));
  expect(proof).toEqual({ token: 'the.id.token', who: 'a job of acme/shop' });
  await githubProof(requestTo('registry.example.com', { audience: 'other' }), surroundings(environment));
  expect(platform.asked.map(({ query }) => query)).toEqual([
    { 'api-version': '2.0', audience: 'bonded' },
    { 'api-version': '2.0', audience: 'other' },
  ]);
  expect(platform.asked[0]!.headers['authorization']).toBe('Bearer request-token');
});

test('a job of GitHub that may not ask is told what it needs, and others are none', async () => {
  expect(await githubProof(requestTo(), surroundings())).toBeUndefined();
  const job = githubProof(requestTo(), surroundings({ GITHUB_ACTIONS: 'true' }));
  await expect(job).rejects.toThrow('give it `permissions: id-token: write`');
});

test('what a platform refuses is told without control characters and tokens', async () => {
  await using platform = openPlatform(() => Response.json({ message: 'no\u001b[31m!' }, { status: 403 }));
  const environment = { ACTIONS_ID_TOKEN_REQUEST_URL: `${platform.origin}/`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret' };
  const refused = githubProof(requestTo(), surroundings(environment));
  await expect(refused).rejects.toThrow('GitHub Actions gives no token (403): no [31m!');
});

test('GitLab puts the token of a job into a variable', async () => {
  expect(await gitlabProof(requestTo(), surroundings())).toBeUndefined();
  const environment = { BONDED_ID_TOKEN: 'the.id.token', CI_PROJECT_PATH: 'acme/shop' };
  expect(await gitlabProof(requestTo(), surroundings(environment))).toEqual({
    token: 'the.id.token',
    who: 'a job of acme/shop',
  });
});

test('a projected token is read from its file', () =>
  inFile('the.pod.token\n', async (path) => {
    expect(await kubernetesProof(requestTo(), surroundings({ BONDED_TOKEN_FILE: path }))).toMatchObject({
      token: 'the.pod.token',
      found: { tokenFile: path },
    });
    expect(await kubernetesProof(requestTo(), surroundings())).toBeUndefined();
    const gone = kubernetesProof(requestTo(undefined, { tokenFile: `${path}.none` }), surroundings());
    await expect(gone).rejects.toThrow(`there is no ${path}.none`);
    await writeFile(path, ' ');
    await expect(kubernetesProof(requestTo(undefined, { tokenFile: path }), surroundings())).rejects.toThrow(
      'is empty',
    );
    await writeFile(path, 'x'.repeat(70_000));
    const long = kubernetesProof(requestTo(undefined, { tokenFile: path }), surroundings());
    await expect(long).rejects.toThrow('longer than any token');
  }));

test('Entra gives a token of the identity for the token of a service account, which goes nowhere else', () =>
  inFile('the.pod.token', async (path) => {
    await using platform = openPlatform(() => ({ access_token: 'entra.access.token', token_type: 'Bearer' }));
    const environment = {
      AZURE_FEDERATED_TOKEN_FILE: path,
      AZURE_CLIENT_ID: 'client',
      AZURE_TENANT_ID: 'tenant',
      AZURE_AUTHORITY_HOST: `${platform.origin}/`,
    };
    const proof = await azureProof(requestTo(), surroundings(environment));
    expect(proof?.token).toBe('entra.access.token');
    expect(platform.asked).toMatchObject([
      {
        method: 'POST',
        path: '/tenant/oauth2/v2.0/token',
        form: {
          grant_type: 'client_credentials',
          client_id: 'client',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: 'the.pod.token',
          scope: 'https://containerregistry.azure.net/.default',
        },
      },
    ]);
    const { AZURE_CLIENT_ID: _, ...without } = environment;
    expect(await azureProof(requestTo(), surroundings(without))).toBeUndefined();
  }));

test('Entra says why it gives no token', () =>
  inFile('the.pod.token', async (path) => {
    const answer = { error: 'invalid_client', error_description: 'AADSTS700016: unknown application' };
    await using platform = openPlatform(() => Response.json(answer, { status: 401 }));
    const environment = {
      AZURE_FEDERATED_TOKEN_FILE: path,
      AZURE_CLIENT_ID: 'client',
      AZURE_TENANT_ID: 'tenant',
      AZURE_AUTHORITY_HOST: platform.origin,
    };
    await expect(azureProof(requestTo(), surroundings(environment))).rejects.toThrow(
      'Microsoft Entra ID gives no token (401): AADSTS700016: unknown application',
    );
  }));

test('the metadata service of Azure knows the identity of a machine', async () => {
  await using platform = openPlatform(({ path, headers }) =>
    path === '/metadata/identity/oauth2/token' && headers['metadata'] === 'true'
      ? { access_token: 'machine.access.token' }
      : undefined,
  );
  const request = requestTo(undefined, { audience: 'api://registry', clientId: 'one-of-two' });
  const proof = await azureProof(request, surroundings({}, platform.origin));
  expect(proof?.token).toBe('machine.access.token');
  expect(platform.asked[0]!.query).toEqual({
    'api-version': '2018-02-01',
    resource: 'api://registry',
    client_id: 'one-of-two',
  });
});

test('a hosted application has an endpoint of its own', async () => {
  await using platform = openPlatform(({ headers }) =>
    headers['x-identity-header'] === 'app-secret' ? { access_token: 'app.access.token' } : undefined,
  );
  const environment = { IDENTITY_ENDPOINT: `${platform.origin}/msi/token`, IDENTITY_HEADER: 'app-secret' };
  expect((await azureProof(requestTo(), surroundings(environment)))?.token).toBe('app.access.token');
  expect(platform.asked[0]!.query).toEqual({
    'api-version': '2019-08-01',
    resource: 'https://containerregistry.azure.net',
  });
});

test('the metadata server of Google signs who a machine is', async () => {
  await using platform = openPlatform(({ path, headers }) => {
    if (!path.endsWith('/service-accounts/default/identity') || headers['metadata-flavor'] !== 'Google')
      return undefined;
    return new Response('google.identity.token', { headers: { 'metadata-flavor': 'Google' } });
  });
  expect((await googleProof(requestTo(), surroundings({}, platform.origin)))?.token).toBe('google.identity.token');
  expect(platform.asked[0]!.query).toEqual({ audience: 'bonded', format: 'full' });
});

test('what is at the address of another cloud is not taken for one', async () => {
  // Each cloud has something at 169.254.169.254.
  for (const status of [200, 400, 401, 404]) {
    await using platform = openPlatform(() => new Response('<html>', { status }));
    const none = surroundings({}, platform.origin);
    expect([await azureProof(requestTo(), none), await googleProof(requestTo(), none)]).toEqual([undefined, undefined]);
  }
  const away = surroundings({}, 'http://127.0.0.1:1');
  expect([await azureProof(requestTo(), away), await googleProof(requestTo(), away)]).toEqual([undefined, undefined]);
});
