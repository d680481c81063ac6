import type { S3Options } from './client.ts';
import { connectS3 } from './client.ts';
import { createStreamSlots } from './stream.ts';
import { createRanges } from './ranges.ts';
import { createReadBudget } from './read-budget.ts';
import { isChanged, isMissing, isRefusal, S3Error, withRetries } from './retry.ts';
import { createSigner } from './signer.ts';

/** Bytes to send, as often as it takes. */
export interface Source {
  /** Bytes. */
  length: number;
  stream(): ReadableStream<Uint8Array>;
}

export interface S3Object {
  /** Bytes of the whole object. */
  size: number;
  etag: string;
  changedAt: number;
  metadata: Record<string, string>;
}

export interface S3Part {
  number: number;
  etag: string;
  size: number;
  changedAt: number;
}

/** Complete and copies take as long as what they work on is large (ms, as a multiple of the ordinary time). */
const longCall = 10;
/** Objects that are read by a connection each, by readers that keep up; and of them, by those that have just begun. */
const streamsAtOnce = 16;
const streamsAtFirst = 4;
/** Most bytes of objects in memory that are being read. */
const readBytes = 16 * 1024 * 1024;
/** Keys that one request removes. */
const removeAtOnce = 1000;

export type S3Calls = Awaited<ReturnType<typeof openS3Calls>>;

/** The requests that the store makes, by key below the prefix. Each is repeated until it succeeds or will not. */
export async function openS3Calls(options: S3Options) {
  const { sdk, client, wire, renew, sign, credentials } = await connectS3(options);
  const signer = createSigner(sign, credentials);
  const { bucket, prefix, encryption, presignedSeconds, requestTimeoutMs } = options;
  const { retryPauseMs = 100 } = options;
  const attempt = <T>(operation: string, call: () => Promise<T>) => withRetries(operation, retryPauseMs, call, renew);
  /** False where an attempt that failed may be carried out all the same. */
  const attemptOnce = async (operation: string, call: () => Promise<unknown>): Promise<boolean> => {
    let inDoubt = false;
    await attempt(operation, () =>
      call().catch((error: unknown) => {
        inDoubt ||= !isRefusal(error);
        throw error;
      }),
    );
    return !inDoubt;
  };
  const at = (key: string) => ({ Bucket: bucket, Key: prefix + key });
  const long = { requestTimeout: longCall * requestTimeoutMs };
  const encrypted = encryption.mode !== 'none' && {
    ServerSideEncryption: encryption.mode,
    ...(encryption.kmsKeyId !== undefined && { SSEKMSKeyId: encryption.kmsKeyId }),
  };
  const made = { ContentType: 'application/octet-stream', ...encrypted };

  async function* list(below: string): AsyncGenerator<{ key: string; changedAt: number }> {
    for (let token: string | undefined; ;) {
      const page = await attempt('ListObjectsV2', () =>
        client.send(
          new sdk.ListObjectsV2Command({
            Bucket: bucket,
            Prefix: prefix + below,
            ...(token !== undefined && { ContinuationToken: token }),
          }),
        ),
      );
      for (const { Key = '', LastModified } of page.Contents ?? [])
        yield { key: Key.slice(prefix.length), changedAt: LastModified?.getTime() ?? 0 };
      token = page.NextContinuationToken;
      if (!page.IsTruncated || token === undefined) return;
    }
  }

  /**
   * Open multipart uploads of the keys below. Pages go by key: there are servers which refuse the marker of an upload that
   * they gave (versitygw). Where a page ends between two of one key, which only a crash leaves, the second is not listed.
   */
  async function* multiparts(below: string): AsyncGenerator<{ key: string; id: string; startedAt: number }> {
    for (let after: string | undefined; ;) {
      const page = await attempt('ListMultipartUploads', () =>
        client.send(
          new sdk.ListMultipartUploadsCommand({
            Bucket: bucket,
            Prefix: prefix + below,
            ...(after !== undefined && { KeyMarker: after }),
          }),
        ),
      );
      for (const { Key = '', UploadId, Initiated } of page.Uploads ?? [])
        if (UploadId !== undefined)
          yield { key: Key.slice(prefix.length), id: UploadId, startedAt: Initiated?.getTime() ?? 0 };
      after = page.NextKeyMarker;
      if (!page.IsTruncated || after === undefined) return;
    }
  }

  /** Parts of a multipart upload, in order; undefined when it is not, or no longer, open. */
  async function parts(key: string, id: string): Promise<S3Part[] | undefined> {
    const found: S3Part[] = [];
    for (let marker: string | undefined; ;) {
      const page = await ifThere(
        attempt(`ListParts ${key}`, () =>
          client.send(
            new sdk.ListPartsCommand({
              ...at(key),
              UploadId: id,
              ...(marker !== undefined && { PartNumberMarker: marker }),
            }),
          ),
        ),
      );
      if (!page) return undefined;
      for (const { PartNumber = 0, ETag = '', Size = 0, LastModified } of page.Parts ?? [])
        found.push({ number: PartNumber, etag: ETag, size: Size, changedAt: LastModified?.getTime() ?? 0 });
      marker = page.NextPartNumberMarker;
      if (!page.IsTruncated || marker === undefined) return found;
    }
  }

  async function head(key: string): Promise<S3Object | undefined> {
    return ifThere(
      attempt(`HeadObject ${key}`, async () => {
        const found = await client.send(new sdk.HeadObjectCommand(at(key)));
        return {
          size: found.ContentLength ?? 0,
          etag: found.ETag ?? '',
          changedAt: found.LastModified?.getTime() ?? 0,
          metadata: found.Metadata ?? {},
        };
      }),
    );
  }

  return {
    /** Reads ranges of one object, as long as it has this ETag where one is given. */
    ranges: (key: string, etag?: string) => {
      const object = { ...at(key), ...(etag !== undefined && { IfMatch: etag }) };
      return createRanges(
        { key: prefix + key, etag },
        (Range) => client.send(new sdk.GetObjectCommand({ ...object, Range })),
        signer,
        wire,
        (call) => ifThere(attempt(`GetObject ${key}`, call)),
      );
    },
    /** For what is read. */
    reads: createReadBudget(readBytes),
    streams: createStreamSlots(streamsAtOnce, streamsAtFirst),
    /** How long S3 may say nothing in the middle of a body (ms). */
    silenceMs: requestTimeoutMs,
    list,
    multiparts,
    parts,
    head,

    /** Writes an object. False where an earlier attempt may still be carried out, and so write it again at any time. */
    async put(key: string, source: Source | undefined, metadata: Record<string, string> = {}): Promise<boolean> {
      return attemptOnce(`PutObject ${key}`, () =>
        client.send(
          new sdk.PutObjectCommand({
            ...at(key),
            ...made,
            Metadata: metadata,
            ContentLength: source?.length ?? 0,
            ...(source && source.length > 0 && { Body: source.stream() }),
          }),
        ),
      );
    },

    /** Makes an object of another one, as long as that has this ETag, without loading it. False as with `put`. */
    async copy(from: string, key: string, etag: string): Promise<boolean> {
      return attemptOnce(`CopyObject ${key}`, () =>
        client.send(
          new sdk.CopyObjectCommand({
            ...at(key),
            ...made,
            CopySource: `${bucket}/${prefix}${from}`,
            CopySourceIfMatch: etag,
            MetadataDirective: 'REPLACE',
          }),
          long,
        ),
      );
    },

    /** Removes keys; missing is fine. */
    async remove(keys: readonly string[]): Promise<void> {
      for (let from = 0; from < keys.length; from += removeAtOnce) {
        const Objects = keys.slice(from, from + removeAtOnce).map((key) => ({ Key: prefix + key }));
        await attempt('DeleteObjects', async () => {
          const done = await client.send(
            new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
          );
          const failed = done.Errors?.find(({ Code }) => Code !== 'NoSuchKey');
          // Each key has an answer of its own; "come back later" is the only one that another attempt mends.
          if (failed) throw new S3Error('DeleteObjects', failed.Code ?? 'unknown', {});
        });
      }
    },

    /** Begins a multipart upload; returns its id. */
    async create(key: string): Promise<string> {
      const { UploadId } = await attempt(`CreateMultipartUpload ${key}`, () =>
        client.send(new sdk.CreateMultipartUploadCommand({ ...at(key), ...made })),
      );
      if (UploadId === undefined) throw new Error(`CreateMultipartUpload ${key}: the answer has no upload id`);
      return UploadId;
    },

    /** Sends one part; returns its ETag. */
    async putPart(key: string, id: string, number: number, source: Source): Promise<string> {
      const { ETag = '' } = await attempt(`UploadPart ${number} ${key}`, () =>
        client.send(
          new sdk.UploadPartCommand({
            ...at(key),
            UploadId: id,
            PartNumber: number,
            ContentLength: source.length,
            Body: source.stream(),
          }),
        ),
      );
      return ETag;
    },

    /** Makes bytes `start` to `end` (inclusive) of an object a part, without loading them; returns its ETag. */
    async copyPart(key: string, id: string, number: number, from: string, start: number, end: number): Promise<string> {
      const { CopyPartResult } = await attempt(`UploadPartCopy ${number} ${key}`, () =>
        client.send(
          new sdk.UploadPartCopyCommand({
            ...at(key),
            UploadId: id,
            PartNumber: number,
            CopySource: `${bucket}/${prefix}${from}`,
            CopySourceRange: `bytes=${start}-${end}`,
          }),
          long,
        ),
      );
      return CopyPartResult?.ETag ?? '';
    },

    /**
     * Makes all of an object a part, as long as it has this ETag, without loading it; returns the part's. Tried once.
     * Undefined where that fails, for whatever reason but that one of them is gone: some providers do not know it, or
     * store an empty part and say nothing of it.
     */
    async tryCopyToPart(
      key: string,
      id: string,
      number: number,
      from: { key: string; etag: string },
    ): Promise<string | undefined> {
      const copy = new sdk.UploadPartCopyCommand({
        ...at(key),
        UploadId: id,
        PartNumber: number,
        CopySource: `${bucket}/${prefix}${from.key}`,
        CopySourceIfMatch: from.etag,
      });
      try {
        const operation = `UploadPartCopy ${number} ${key}`;
        const { CopyPartResult } = await withRetries(operation, 0, () => client.send(copy), undefined, 1);
        return CopyPartResult?.ETag;
      } catch (error) {
        if (isMissing(error) || isChanged(error)) throw error;
        return undefined;
      }
    },

    /**
     * Makes an object of the parts. Throws an S3Error with status 404 when the upload is not, or no longer, open. False as
     * with `put`: there are servers which then say that it is done while it is being done, or was given up; they say so,
     * too, where another process has made the object of other parts (versitygw).
     */
    async complete(key: string, id: string, etags: readonly string[]): Promise<boolean> {
      const Parts = etags.map((ETag, index) => ({ PartNumber: index + 1, ETag }));
      return attemptOnce(`CompleteMultipartUpload ${key}`, () =>
        client.send(
          new sdk.CompleteMultipartUploadCommand({ ...at(key), UploadId: id, MultipartUpload: { Parts } }),
          long,
        ),
      );
    },

    /** Ends a multipart upload without an object; one that is not open is fine. */
    async abort(key: string, id: string): Promise<void> {
      await ifThere(
        attempt(`AbortMultipartUpload ${key}`, () =>
          client.send(new sdk.AbortMultipartUploadCommand({ ...at(key), UploadId: id })),
        ),
      );
    },

    /** An address that gives the object to whoever has it; undefined where that is not configured. */
    async presign(key: string): Promise<string | undefined> {
      if (presignedSeconds === undefined) return undefined;
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
      const read = new sdk.GetObjectCommand({
        ...at(key),
        ResponseContentType: 'application/octet-stream',
        ResponseContentDisposition: 'attachment',
      });
      // Nothing is asked of S3, but there may be no credentials just now.
      return attempt(`address of ${key}`, () => getSignedUrl(client, read, { expiresIn: presignedSeconds }));
    },

    close: () => client.destroy(),
  };
}

/** What is missing is an answer, not a failure. */
async function ifThere<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
