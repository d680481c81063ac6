import { createHash, createHmac } from 'node:crypto';

/** A request as it is signed. */
export interface AwsRequest {
  method: string;
  /** Path and query, encoded as they are sent. Names of the query are sorted. */
  path: string;
  query: string;
  /** The headers that are signed, by names in lower case, and no others. */
  headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hex. */
  payload: string;
}

export interface AwsKey {
  accessKeyId: string;
  /** `<YYYYMMDD>/<region>/<service>/aws4_request`: what the key signs. */
  scope: string;
  key: Buffer;
}

const algorithm = 'AWS4-HMAC-SHA256';

/** The key that signs requests of one day to one service (docs.aws.amazon.com/IAM, "Signature Version 4"). */
export function awsKey(accessKeyId: string, secretAccessKey: string, scope: string): AwsKey {
  const key = scope.split('/').reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${secretAccessKey}`);
  return { accessKeyId, scope, key: key as Buffer };
}

/** The value of Authorization for a request; `time` is that of its X-Amz-Date. */
export function awsAuthorization(
  { method, path, query, headers, payload }: AwsRequest,
  { accessKeyId, scope, key }: AwsKey,
  time: string,
): string {
  const names = Object.keys(headers).toSorted();
  const lines = names.map((name) => `${name}:${headers[name]!.trim().replaceAll(/\s+/g, ' ')}`);
  const signed = names.join(';');
  const canonical = [method, path, query, ...lines, '', signed, payload].join('\n');
  const signature = hmac(key, [algorithm, time, scope, awsHash(canonical)].join('\n')).toString('hex');
  return `${algorithm} Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
}

/** What an Authorization says of the key, and of the headers that it covers; undefined where it is of another kind. */
export function parseAwsAuthorization(
  text: string,
): { accessKeyId: string; scope: string; names: readonly string[] } | undefined {
  const match = /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/([^,]+), SignedHeaders=([^,]+), Signature=[0-9a-f]{64}$/.exec(
    text,
  );
  return match ? { accessKeyId: match[1]!, scope: match[2]!, names: match[3]!.split(';') } : undefined;
}

export const awsHash = (text: string): string => createHash('sha256').update(text).digest('hex');

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
