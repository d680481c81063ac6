import type * as Sdk from '@aws-sdk/client-s3';
import { createSdkFetch } from '../../outbound/index.ts';

export interface S3Options {
  bucket: string;
  /** Before every key; empty, or ending with a slash. */
  prefix: string;
  region?: string | undefined;
  /** URL of another provider's service. */
  endpoint?: string | undefined;
  /** Whether the bucket is named in the path instead of the host. */
  pathStyle: boolean;
  encryption: { mode: 'none' | 'AES256' | 'aws:kms'; kmsKeyId?: string | undefined };
  /** A request on which nothing moves for this long is given up (ms). */
  requestTimeoutMs: number;
  /** Pause before a request is repeated for the first time (ms; default 100). */
  retryPauseMs?: number;
  /** How long the address of a presigned read holds (s); undefined: there are none. */
  presignedSeconds?: number | undefined;
}

/** What it would tell is told by our errors. */
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/**
 * Loads the client. Credentials and, where it is not configured, the region come from wherever AWS's tools take them:
 * environment, web identity, profile, container, instance. Retries are ours (retry.ts), because the client cannot
 * repeat a body that it has begun to send.
 */
export async function connectS3(options: S3Options): Promise<{ sdk: typeof Sdk; client: Sdk.S3Client }> {
  const sdk = await import('@aws-sdk/client-s3');
  const { endpoint } = options;
  // Providers that are not AWS mostly ignore it, but it is part of every signature.
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const client = new sdk.S3Client({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    forcePathStyle: options.pathStyle,
    maxAttempts: 1,
    // Others than AWS refuse checksums that they do not know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    logger: silent,
    requestHandler: createSdkFetch(options.requestTimeoutMs),
  });
  return { sdk, client };
}
