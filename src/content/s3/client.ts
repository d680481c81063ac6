import type * as Sdk from '@aws-sdk/client-s3';
import {
  createSdkCollector,
  createSdkFetch,
  type SdkFetch,
  type SdkFetchOptions,
  type SignedRequest,
} from '../../outbound/index.ts';
import type { Credentials } from './signer.ts';

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

/** How long what was found of other credentials is the last word (ms): many requests are refused at once. */
const renewedForMs = 10_000;

export interface S3Connection {
  sdk: typeof Sdk;
  client: Sdk.S3Client;
  wire: SdkFetch;
  /** A GET of an object, signed by the client. */
  sign(key: string): Promise<SignedRequest>;
  /** What it signs with now. */
  credentials(): Promise<Credentials>;
  /**
   * Looks whether there are other credentials than before, because S3 refused these. What has no expiry is kept by the
   * client for good otherwise, though its file was written anew.
   */
  renew(): Promise<boolean>;
}

/**
 * Loads the client. Credentials and, where it is not configured, the region come from wherever AWS's tools take them:
 * environment, web identity, profile, container, instance. Retries are ours (retry.ts), because the client cannot
 * repeat a body that it has begun to send.
 */
export async function connectS3(options: S3Options): Promise<S3Connection> {
  const sdk = await import('@aws-sdk/client-s3');
  const { endpoint } = options;
  // Providers that are not AWS mostly ignore it, but it is part of every signature.
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const wire = createSdkFetch(options.requestTimeoutMs);
  const config: Sdk.S3ClientConfig & { ignoreCache: boolean } = {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    forcePathStyle: options.pathStyle,
    maxAttempts: 1,
    // Others than AWS refuse checksums that they do not know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    logger: silent,
    requestHandler: wire.handler,
    streamCollector: createSdkCollector(options.requestTimeoutMs),
    // The providers of credentials take this from here, and read files anew.
    ignoreCache: true,
  };
  const client = new sdk.S3Client(config);
  return {
    sdk,
    client,
    wire,
    sign: (key) => signBy(sdk, client, { Bucket: options.bucket, Key: key }),
    credentials: () => client.config.credentials(),
    renew: createRenewal(client),
  };
}

function signBy(sdk: typeof Sdk, client: Sdk.S3Client, object: Sdk.GetObjectCommandInput): Promise<SignedRequest> {
  const { promise, resolve, reject } = Promise.withResolvers<SignedRequest>();
  const how: SdkFetchOptions = { signed: resolve };
  client.send(new sdk.GetObjectCommand(object), how).catch(reject);
  return promise;
}

function createRenewal({ config }: Sdk.S3Client): () => Promise<boolean> {
  const provide = config.credentials as (options?: { forceRefresh: boolean }) => Promise<object>;
  let latest: Promise<boolean> | undefined;
  async function look(): Promise<boolean> {
    try {
      const before = JSON.stringify(await provide());
      return JSON.stringify(await provide({ forceRefresh: true })) !== before;
    } catch {
      // There are none now. The refusal says more.
      return false;
    } finally {
      setTimeout(() => (latest = undefined), renewedForMs).unref();
    }
  }
  return () => (latest ??= look());
}
