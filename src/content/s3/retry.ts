import { RegistryError } from '../../errors/index.ts';

const mostAttempts = 5;
const longestPauseMs = 2000;

/** What the operator should look at, by what was said. */
const advice: readonly [said: RegExp, lookAt: string][] = [
  [/^NoSuchBucket$/, 'is there a bucket of the name in storage.s3.bucket?'],
  [/Redirect|^AuthorizationHeaderMalformed$/, 'are storage.s3.region and endpoint those of the bucket?'],
  [/^AccessDenied$/, 'do the credentials have the rights that docs/guides/s3.md lists?'],
  [/^NoCredentials$/, 'docs/guides/s3.md says where they are taken from'],
  [/AccessKey|Signature|Token/, 'are the credentials right, and do they still hold?'],
  [/^E[A-Z]+$/, 'is storage.s3.endpoint right, and does it answer?'],
];
/** Of answers to HEAD, which say no more. */
const adviceByStatus: Record<number, string> = {
  301: 'are storage.s3.region and endpoint those of the bucket?',
  400: 'are the credentials, storage.s3.region and endpoint right?',
  403: 'are the credentials right, and do they have the rights that docs/guides/s3.md lists?',
};

/** What S3 answered, or why it did not. Says nothing that must stay secret. */
export class S3Error extends Error {
  /** S3's or the system's word for it: `NoSuchKey`, `SlowDown`, `ECONNRESET`. */
  readonly code: string;
  readonly status: number | undefined;

  constructor(
    operation: string,
    code: string,
    {
      status,
      requestId,
      said,
    }: { status?: number | undefined; requestId?: string | undefined; said?: string | undefined },
  ) {
    const parts = [said, status === undefined ? undefined : `status ${status}`, requestId && `request ${requestId}`];
    const known = parts.filter(Boolean).join(', ');
    const lookAt = advice.find(([pattern]) => pattern.test(code))?.[1] ?? adviceByStatus[status ?? 0];
    super(`${operation}: ${code}${known ? ` (${known})` : ''}${lookAt ? `; ${lookAt}` : ''}`);
    this.code = code;
    this.status = status;
  }
}

/** Codes that another attempt may mend; 5xx and 429 always may. Each key of a DeleteObjects has one without a status. */
const passingCodes = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ETIMEDOUT',
  'InternalError',
  'NoCredentials',
  'OperationAborted',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'ServiceUnavailable',
  'SlowDown',
]);

/** Codes that say of the credentials that they are none, or none any more. A HEAD has no code, and its status for one. */
const refusedCredentials = new Set(
  'ExpiredToken ExpiredTokenException InvalidToken TokenRefreshRequired InvalidAccessKeyId SignatureDoesNotMatch'.split(
    ' ',
  ),
);

/**
 * Runs a call of the S3 client until it succeeds, with growing pauses of `pauseMs` at first. What may pass is
 * UNAVAILABLE in the end, and everything else an S3Error at once. `renew` looks for other credentials than those that
 * were refused; true when there are some.
 */
export async function withRetries<T>(
  operation: string,
  pauseMs: number,
  call: () => Promise<T>,
  renew: () => Promise<boolean> = async () => false,
  attempts = mostAttempts,
): Promise<T> {
  let renewed = false;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (thrown) {
      const error = s3Error(operation, thrown);
      if (!(error instanceof S3Error)) throw error;
      if (!renewed && mayBeRenewed(error)) {
        renewed = true;
        if (await renew()) continue;
      }
      if (isLasting(error) || (attempt === attempts && isPassing(error))) throw unavailable(error);
      if (!isPassing(error)) throw error;
      await Bun.sleep(pauseAfter(attempt, pauseMs));
    }
  }
}

/** Another attempt's pause (ms): random, so that those who failed together do not come back together. */
export function pauseAfter(attempt: number, firstMs: number): number {
  return Math.min(longestPauseMs, firstMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
}

export function unavailable(cause: unknown): RegistryError {
  return new RegistryError('UNAVAILABLE', {
    message: 'the object storage of the registry does not answer; try again',
    cause,
  });
}

/** Whether what the request was meant for is another by now. */
export function isChanged(error: unknown): boolean {
  return error instanceof S3Error && error.status === 412;
}

/** Whether a part that was named is another by now. */
export function isReplaced(error: unknown): boolean {
  return error instanceof S3Error && error.code === 'InvalidPart';
}

export function isMissing(error: unknown): boolean {
  return error instanceof S3Error && error.status === 404 && error.code !== 'NoSuchBucket';
}

/** Whether what the client of S3 throws says that nothing was done, and nothing will be. */
export function isRefusal(thrown: unknown): boolean {
  const { name, $metadata } = thrown as { name?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode ?? 0;
  return name === 'SlowDown' || (status >= 400 && status < 500);
}

/** A bucket that is gone may be back like a disk, and somebody may bring credentials, though not within some attempts. */
const isLasting = ({ code }: S3Error) => code === 'NoSuchBucket' || refusedCredentials.has(code);

const mayBeRenewed = ({ code, status }: S3Error) =>
  refusedCredentials.has(code) || (status === 403 && code !== 'AccessDenied');

function isPassing({ code, status = 0 }: S3Error): boolean {
  return passingCodes.has(code) || isUnreadable(status) || status === 429 || (status >= 500 && status !== 501);
}

/** It did what it was asked, and its answer broke off. */
const isUnreadable = (status: number) => status >= 200 && status < 300;

function s3Error(operation: string, thrown: unknown): unknown {
  if (thrown instanceof S3Error || thrown instanceof RegistryError) return thrown;
  const { name, message, code, Code, said, $metadata } = thrown as {
    name?: string;
    message?: string;
    code?: string;
    Code?: string;
    said?: string;
    $metadata?: { httpStatusCode?: number; requestId?: string };
  };
  // Wherever they come from, that may be back soon: an instance's metadata, a service that exchanges tokens.
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError')
    return new S3Error(operation, 'NoCredentials', { said: message });
  const { httpStatusCode: status, requestId } = $metadata ?? {};
  if (status === undefined && code === undefined) return thrown;
  return new S3Error(operation, Code ?? code ?? name ?? 'unknown', { status, requestId, said });
}
