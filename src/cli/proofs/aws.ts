import { shown } from '../registry-address.ts';
import { askMachine, awsCredentials, elementOf } from './aws-credentials.ts';
import { signedHeaders } from './aws-signature.ts';
import { defaultAudience } from './pipelines.ts';
import type { Proof, ProofRequest, Surroundings } from './proof.ts';

/**
 * A token of the account's own issuer for the role that something runs as (docs.aws.amazon.com/STS, GetWebIdentityToken;
 * outbound identity federation must be on in the account).
 */
export async function awsProof(
  { audience = defaultAudience }: ProofRequest,
  surroundings: Surroundings,
): Promise<Proof | undefined> {
  const { environment, call, now } = surroundings;
  const region = await regionOf(surroundings);
  if (region === undefined) return undefined;
  const endpoint =
    environment['AWS_ENDPOINT_URL_STS'] ||
    `https://sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  const url = new URL(endpoint);
  const credentials = await awsCredentials(surroundings, url.href);
  if (!credentials) return undefined;
  const body = new URLSearchParams({
    Action: 'GetWebIdentityToken',
    Version: '2011-06-15',
    'Audience.member.1': audience,
    SigningAlgorithm: 'RS256',
    DurationSeconds: '300',
  }).toString();
  const headers = signedHeaders(url, body, credentials, { region, now: now() });
  const answer = await call(url.href, { method: 'POST', headers, body });
  const text = await answer.text();
  const token = elementOf(text, 'WebIdentityToken');
  if (answer.ok && token !== undefined) return { token, who: 'the role of AWS that this runs as' };
  const why = elementOf(text, 'Message') ?? `it answered with ${answer.status}`;
  throw new Error(`AWS STS gives no token: ${shown(why)}`);
}

async function regionOf(surroundings: Surroundings): Promise<string | undefined> {
  const { environment } = surroundings;
  const named = environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'];
  const region = named || (await askMachine(surroundings, '/latest/meta-data/placement/region'));
  return region !== undefined && /^[a-z0-9-]{4,32}$/.test(region) ? region : undefined;
}
