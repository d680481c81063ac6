import { expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetch } from '../http/fetch.ts';
import { digestOf } from '../http/registry.ts';
import { s3Environment } from '../support/s3.ts';
import { s3Settings } from '../support/storage.ts';
import { startTestProcess, type TestProcess } from '../support/server.ts';

/*
 * Where credentials come from is the business of AWS's client. These tests show that its chain works in this program:
 * each starts a server with nothing but the one source, whose endpoint the test plays. The S3 server knows one pair of
 * keys, so that is what every source gives.
 */

const { AWS_ACCESS_KEY_ID: keyId, AWS_SECRET_ACCESS_KEY: secret } = s3Environment;
const expiration = () => new Date(Date.now() + 3_600_000).toISOString();

async function withHome<T>(action: (home: string) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'bonded-credentials-'));
  try {
    return await action(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function push({ url }: TestProcess, content: string): Promise<Response> {
  const query = `digest=${digestOf(content)}`;
  return fetch(`${url}/v2/app/blobs/uploads/?${query}`, { method: 'POST', body: content });
}

const pull = async ({ url }: TestProcess, content: string) => fetch(`${url}/v2/app/blobs/${digestOf(content)}`);

/** Starts with the credentials that this environment leads to; pushing and pulling must work. */
async function expectServing(environment: Record<string, string>): Promise<void> {
  await using server = await startTestProcess({ settings: await s3Settings(), environment });
  expect((await push(server, 'content')).status).toBe(201);
  expect(await (await pull(server, 'content')).text()).toBe('content');
  expect(server.output()).not.toContain(secret);
}

/** Nothing of this machine's own is asked. */
const nowhere = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' };

/** What the service answers that exchanges a web identity. */
function grant(expires: string): Response {
  return new Response(
    `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleWithWebIdentityResult><Credentials>
        <AccessKeyId>${keyId}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey>
        <SessionToken></SessionToken><Expiration>${expires}</Expiration>
      </Credentials></AssumeRoleWithWebIdentityResult>
    </AssumeRoleWithWebIdentityResponse>`,
    { headers: { 'Content-Type': 'text/xml' } },
  );
}

const webIdentity = (tokenFile: string, port: number) => ({
  ...nowhere,
  AWS_REGION: 'us-east-1',
  AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
  AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/registry',
  AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}`,
});

test('credentials of the environment', () => expectServing({ ...s3Environment }));

test('credentials of a profile', () =>
  withHome(async (home) => {
    const file = join(home, 'credentials');
    await writeFile(file, `[registry]\naws_access_key_id = ${keyId}\naws_secret_access_key = ${secret}\n`);
    await expectServing({
      ...nowhere,
      AWS_SHARED_CREDENTIALS_FILE: file,
      AWS_PROFILE: 'registry',
      AWS_REGION: 'us-east-1',
    });
  }));

test(
  'credentials that expired, and others cannot be had: refused until they can',
  () =>
    withHome(async (home) => {
      const token = join(home, 'token');
      await writeFile(token, 'a.service.account');
      let away = false;
      using sts = Bun.serve({
        port: 0,
        hostname: '127.0.0.1',
        fetch: () => (away ? new Response('', { status: 500 }) : grant(new Date(Date.now() + 2000).toISOString())),
      });
      // The address of a presigned read is made here, and needs them as well.
      const settings = { ...(await s3Settings()), 'storage.s3.presignedReads.enabled': true };
      await using server = await startTestProcess({ settings, environment: webIdentity(token, sts.port!) });
      expect((await push(server, 'before')).status).toBe(201);
      away = true;
      await Bun.sleep(2500);
      const answers = await Promise.all([push(server, 'after'), pull(server, 'before')]);
      for (const answer of answers) expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
      away = false;
      expect((await push(server, 'after')).status).toBe(201);
      expect(await (await pull(server, 'before')).text()).toBe('before');
      expect(server.output()).not.toContain('"status":500');
    }),
  60_000,
);

test('a web identity is exchanged for credentials, and read anew each time', () =>
  withHome(async (home) => {
    const token = join(home, 'token');
    await writeFile(token, 'a.service.account');
    const asked: URLSearchParams[] = [];
    using sts = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch(request) {
        asked.push(new URLSearchParams(await request.text()));
        return grant(expiration());
      },
    });
    await expectServing(webIdentity(token, sts.port!));
    expect(asked.length).toBeGreaterThan(0);
    expect(asked[0]!.get('Action')).toBe('AssumeRoleWithWebIdentity');
    expect(asked[0]!.get('WebIdentityToken')).toBe('a.service.account');
    expect(asked[0]!.get('RoleArn')).toBe('arn:aws:iam::123456789012:role/registry');
  }));

test('credentials of a container', async () => {
  const authorizations: (string | null)[] = [];
  using agent = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      authorizations.push(request.headers.get('authorization'));
      return Response.json({ AccessKeyId: keyId, SecretAccessKey: secret, Token: '', Expiration: expiration() });
    },
  });
  await expectServing({
    ...nowhere,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${agent.port}/role`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'of-the-container',
  });
  expect(authorizations[0]).toBe('of-the-container');
});

test('credentials of an instance, by the metadata service that demands a token', async () => {
  const paths: string[] = [];
  using metadata = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      const { pathname } = new URL(request.url);
      paths.push(`${request.method} ${pathname}`);
      if (request.method === 'PUT') return new Response('of-the-instance');
      if (request.headers.get('x-aws-ec2-metadata-token') !== 'of-the-instance')
        return new Response('', { status: 401 });
      if (!pathname.endsWith('/registry-role')) return new Response('registry-role');
      const keys = { AccessKeyId: keyId, SecretAccessKey: secret, Token: '' };
      return Response.json({
        Code: 'Success',
        Type: 'AWS-HMAC',
        LastUpdated: expiration(),
        Expiration: expiration(),
        ...keys,
      });
    },
  });
  await expectServing({
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${metadata.port}`,
  });
  expect(paths[0]).toBe('PUT /latest/api/token');
  expect(paths).toContain('GET /latest/meta-data/iam/security-credentials/registry-role');
});

test('without any credentials the server says so and does not start', async () => {
  const started = startTestProcess({ settings: await s3Settings(), environment: nowhere });
  await expect(started).rejects.toThrow(/credentials/i);
});
