import { RegistryError } from '../../errors/index.ts';

const attempts = 5;
const longestPauseMs = 2000;

/** What S3 answered, or why it did not. Says nothing that must stay secret. */
export class S3Error extends Error {
  /** S3's or the system's word for it: `NoSuchKey`, `SlowDown`, `ECONNRESET`. */
  readonly code: string;
  readonly status: number | undefined;

  constructor(operation: string, code: string, status: number | undefined, requestId: string | undefined) {
    const parts = [status === undefined ? undefined : `status ${status}`, requestId && `request ${requestId}`];
    const known = parts.filter(Boolean).join(', ');
    super(`${operation}: ${code}${known ? ` (${known})` : ''}`);
    this.code = code;
    this.status = status;
  }
}

/** Codes of a client's request that another attempt may mend; 5xx and 429 always may. */
const passingCodes = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ETIMEDOUT',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'ExpiredToken',
  'SlowDown',
]);

/**
 * Runs a call of the S3 client until it succeeds, with growing pauses of `pauseMs` at first. What may pass is
 * UNAVAILABLE in the end, and everything else an S3Error at once.
 */
export async function withRetries<T>(operation: string, pauseMs: number, call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (thrown) {
      const error = s3Error(operation, thrown);
      if (!(error instanceof S3Error) || !isPassing(error)) throw error;
      if (attempt === attempts || error.code === 'NoSuchBucket') throw unavailable(error);
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

export function isMissing(error: unknown): boolean {
  return error instanceof S3Error && error.status === 404 && error.code !== 'NoSuchBucket';
}

/** A bucket that is gone may be back like a disk, though not within some attempts. */
function isPassing({ code, status }: S3Error): boolean {
  return (
    code === 'NoSuchBucket' ||
    passingCodes.has(code) ||
    status === 429 ||
    (status !== undefined && status >= 500 && status !== 501)
  );
}

function s3Error(operation: string, thrown: unknown): unknown {
  if (thrown instanceof S3Error || thrown instanceof RegistryError) return thrown;
  const { name, code, Code, $metadata } = thrown as {
    name?: string;
    code?: string;
    Code?: string;
    $metadata?: { httpStatusCode?: number; requestId?: string };
  };
  if ($metadata?.httpStatusCode === undefined && code === undefined) return thrown;
  return new S3Error(operation, Code ?? code ?? name ?? 'unknown', $metadata?.httpStatusCode, $metadata?.requestId);
}
