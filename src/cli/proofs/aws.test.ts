import { expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awsProof } from './aws.ts';
import { signedHeaders } from './aws-signature.ts';
import { type Asked, at, openPlatform, requestTo, surroundings } from './proof-rig.double.ts';

const xml = (name: string, content: string) =>
  new Response(
    `<${name}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${name}Result>${content}</${name}Result></${name}Response>`,
    {
      headers: { 'content-type': 'text/xml' },
    },
  );

/** STS, which gives a token to whoever signs with the credentials of the role. */
const sts = ({ form, headers }: Asked) => {
  if (form['Action'] === 'AssumeRoleWithWebIdentity') {
    const keys =
      '<AccessKeyId>ASIAPOD</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey><SessionToken>t</SessionToken>';
    return form['WebIdentityToken'] === 'the.pod.token'
      ? xml('AssumeRoleWithWebIdentity', `<Credentials>${keys}</Credentials>`)
      : new Response('<Error><Message>no</Message></Error>', { status: 403 });
  }
  if (form['Action'] !== 'GetWebIdentityToken' || !headers['authorization']?.startsWith('AWS4-HMAC-SHA256 ')) {
    return new Response('<Error><Message>not signed</Message></Error>', { status: 403 });
  }
  return xml('GetWebIdentityToken', '<WebIdentityToken>aws.web.token</WebIdentityToken>');
};

const region = { AWS_REGION: 'eu-central-1' };

test('STS is asked for a token of an audience, with the credentials of the environment', async () => {
  await using platform = openPlatform(sts);
  const environment = {
    ...region,
    AWS_ENDPOINT_URL_STS: platform.origin,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'session',
  };
  expect((await awsProof(requestTo(), surroundings(environment)))?.token).toBe('aws.web.token');
  const [asked] = platform.asked;
  expect(asked!.form).toMatchObject({
    Version: '2011-06-15',
    'Audience.member.1': 'bonded',
    SigningAlgorithm: 'RS256',
    DurationSeconds: '300',
  });
  expect(asked!.headers).toMatchObject({ 'x-amz-security-token': 'session', 'x-amz-date': '20231114T221320Z' });
  expect(asked!.headers['authorization']).toContain('Credential=AKIDEXAMPLE/20231114/eu-central-1/sts/aws4_request');
});

test('the token of a service account of EKS goes to STS alone, for the credentials of its role', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-aws-'));
  try {
    const file = join(directory, 'token');
    await writeFile(file, 'the.pod.token\n');
    await using platform = openPlatform(sts);
    const environment = {
      ...region,
      AWS_ENDPOINT_URL_STS: platform.origin,
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
      AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/puller',
    };
    expect((await awsProof(requestTo(), surroundings(environment)))?.token).toBe('aws.web.token');
    expect(platform.asked[0]!.form['RoleArn']).toBe('arn:aws:iam::111122223333:role/puller');
    expect(platform.asked[1]!.headers['authorization']).toContain('Credential=ASIAPOD/');
    await writeFile(file, 'another');
    const refused = awsProof(requestTo(), surroundings(environment));
    await expect(refused).rejects.toThrow('STS does not give this service account the role');
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('a container and a machine have credentials of their role', async () => {
  const keys = { AccessKeyId: 'ASIAROLE', SecretAccessKey: 'x', Token: 'y' };
  await using platform = openPlatform((asked) => {
    const { method, path, headers } = asked;
    if (path === '/container') return headers['authorization'] === 'mine' ? keys : undefined;
    if (path === '/latest/api/token') return method === 'PUT' ? new Response('imds-session') : undefined;
    if (!path.startsWith('/latest/')) return sts(asked);
    if (headers['x-aws-ec2-metadata-token'] !== 'imds-session') return new Response('', { status: 401 });
    if (path === '/latest/meta-data/placement/region') return new Response('us-east-2');
    if (path === '/latest/meta-data/iam/security-credentials/') return new Response('web-role');
    return path === '/latest/meta-data/iam/security-credentials/web-role' ? keys : undefined;
  });
  const endpoint = { AWS_ENDPOINT_URL_STS: platform.origin };
  const container = {
    ...region,
    ...endpoint,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${platform.origin}/container`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'mine',
  };
  expect((await awsProof(requestTo(), surroundings(container)))?.token).toBe('aws.web.token');
  expect((await awsProof(requestTo(), surroundings(endpoint, platform.origin)))?.token).toBe('aws.web.token');
  expect(platform.asked.at(-1)!.headers['authorization']).toContain('/us-east-2/sts/aws4_request');
  const disabled = surroundings({ ...endpoint, AWS_EC2_METADATA_DISABLED: 'true' }, platform.origin);
  expect(await awsProof(requestTo(), disabled)).toBeUndefined();
});

test('where AWS gives none, it is said why; where there is no AWS, there is nothing to say', async () => {
  const message = '<Error><Message>OutboundWebIdentityFederation is not enabled</Message></Error>';
  await using platform = openPlatform(() => new Response(message, { status: 403 }));
  const environment = {
    ...region,
    AWS_ENDPOINT_URL_STS: platform.origin,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
  };
  await expect(awsProof(requestTo(), surroundings(environment))).rejects.toThrow(
    'AWS STS gives no token: OutboundWebIdentityFederation is not enabled',
  );
  expect(await awsProof(requestTo(), surroundings())).toBeUndefined();
  expect(await awsProof(requestTo(), surroundings(region))).toBeUndefined();
});

test('the signature is the one that the AWS SDK for JavaScript makes of the same', () => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalr+/=', sessionToken: 'a/b+c=' };
  const body = 'Action=GetWebIdentityToken&Audience.member.1=a%3A%2F%2Fb';
  const url = new URL('https://sts.eu-central-1.amazonaws.com/');
  const { authorization } = signedHeaders(url, body, credentials, { region: 'eu-central-1', now: at });
  expect(authorization).toBe(
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/eu-central-1/sts/aws4_request, ' +
      'SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, ' +
      'Signature=1b0aa071cd04461f901ce1335a7d7ebb59a6492dc3042215d2b3d0e71ac3a7c4',
  );
});
