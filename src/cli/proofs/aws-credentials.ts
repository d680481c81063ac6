import type { DirectRequest } from '../../outbound/index.ts';
import type { AwsCredentials } from './aws-signature.ts';
import type { Surroundings } from './proof.ts';
import { ifThere, objectOf, probeMs } from './read-answer.ts';
import { readTokenFile } from './token-file.ts';

/** Where containers of ECS and pods of EKS get theirs. */
const containerOrigin = 'http://169.254.170.2';

/**
 * Credentials of the role that something runs as, for a while: of the environment, a container, a service account of EKS, or
 * the machine, in this order. Undefined where there are none.
 */
export async function awsCredentials(
  surroundings: Surroundings,
  endpoint: string,
): Promise<AwsCredentials | undefined> {
  const { environment } = surroundings;
  const own = credentialsFrom({
    AccessKeyId: environment['AWS_ACCESS_KEY_ID'],
    SecretAccessKey: environment['AWS_SECRET_ACCESS_KEY'],
    Token: environment['AWS_SESSION_TOKEN'],
  });
  return (
    own ??
    (await ofServiceAccount(surroundings, endpoint)) ??
    (await ofContainer(surroundings)) ??
    (await ofMachine(surroundings))
  );
}

/** AssumeRoleWithWebIdentity (docs.aws.amazon.com/STS): needs no signature. The token is for STS, and sent nowhere else. */
async function ofServiceAccount(
  { environment, call }: Surroundings,
  endpoint: string,
): Promise<AwsCredentials | undefined> {
  const file = environment['AWS_WEB_IDENTITY_TOKEN_FILE'];
  const role = environment['AWS_ROLE_ARN'];
  if (!file || !role) return undefined;
  const token = await readTokenFile(file);
  if (token === undefined) throw new Error(`there is no ${file}, which AWS_WEB_IDENTITY_TOKEN_FILE names`);
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: environment['AWS_ROLE_SESSION_NAME'] || 'bonded-login',
    WebIdentityToken: token,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const answer = await call(endpoint, { method: 'POST', headers, body: form.toString() });
  const text = await answer.text();
  const found = credentialsFrom({
    AccessKeyId: elementOf(text, 'AccessKeyId'),
    SecretAccessKey: elementOf(text, 'SecretAccessKey'),
    Token: elementOf(text, 'SessionToken'),
  });
  if (found) return found;
  throw new Error(`STS does not give this service account the role ${role} (${answer.status})`);
}

/** docs.aws.amazon.com/sdkref, "Container credential provider". */
async function ofContainer({ environment, call }: Surroundings): Promise<AwsCredentials | undefined> {
  const relative = environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const url = relative ? `${containerOrigin}${relative}` : environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  if (!url) return undefined;
  const file = environment['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const authorization = file ? await readTokenFile(file) : environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
  const answer = await call(url, { headers: authorization ? { authorization } : {} });
  return credentialsFrom(await objectOf(answer));
}

/** docs.aws.amazon.com/AWSEC2, instance metadata, version 2. */
async function ofMachine(surroundings: Surroundings): Promise<AwsCredentials | undefined> {
  const roles = '/latest/meta-data/iam/security-credentials/';
  const role = (await askMachine(surroundings, roles))?.split('\n')[0]?.trim();
  if (!role) return undefined;
  const text = await askMachine(surroundings, `${roles}${encodeURIComponent(role)}`);
  return text === undefined ? undefined : credentialsFrom(await objectOf(new Response(text)));
}

/** What the service of metadata says at a path; undefined where there is none. */
export async function askMachine(
  { call, metadata, environment }: Surroundings,
  path: string,
): Promise<string | undefined> {
  if (!metadata || environment['AWS_EC2_METADATA_DISABLED'] === 'true') return undefined;
  const ask = async (at: string, request: DirectRequest) => {
    const answer = await ifThere(call(`${metadata.aws}${at}`, { ...request, timeoutMs: probeMs }));
    return answer?.ok ? answer.text() : undefined;
  };
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
  const session = await ask('/latest/api/token', { method: 'PUT', headers });
  return session ? ask(path, { headers: { 'x-aws-ec2-metadata-token': session } }) : undefined;
}

/** The text of an element of an answer of STS, which has no attributes and nothing to unescape in what we read. */
export function elementOf(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
}

function credentialsFrom({ AccessKeyId: id, SecretAccessKey: secret, Token: token }: Record<string, unknown>) {
  if (typeof id !== 'string' || typeof secret !== 'string' || id === '' || secret === '') return undefined;
  return { accessKeyId: id, secretAccessKey: secret, sessionToken: typeof token === 'string' ? token : undefined };
}
