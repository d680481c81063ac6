import { awsAuthorization, awsHash, awsKey } from '../../outbound/index.ts';

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | undefined;
}

/**
 * The headers that sign a form for STS (docs.aws.amazon.com/IAM, "Signature Version 4"). `now` is in ms.
 */
export function signedHeaders(
  url: URL,
  body: string,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  { region, now }: { region: string; now: number },
): Record<string, string> {
  const time = new Date(now).toISOString().replaceAll(/[:-]|\.\d{3}/g, '');
  const sent: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    'x-amz-date': time,
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  };
  const authorization = awsAuthorization(
    {
      method: 'POST',
      path: url.pathname,
      query: '',
      headers: { ...sent, host: url.host },
      payload: awsHash(body),
    },
    awsKey(accessKeyId, secretAccessKey, `${time.slice(0, 8)}/${region}/sts/aws4_request`),
    time,
  );
  return { ...sent, authorization };
}
