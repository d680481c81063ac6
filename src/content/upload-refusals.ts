import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { UploadRow } from './upload-store.ts';

export function unknownUpload(id: string): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: id.slice(0, 64) } });
}

export function conflict(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    status: 409,
    message: 'another request is writing to this upload; wait for it, then ask for the offset',
  });
}

export function outOfOrder(session: UploadRow, start: number): RegistryError {
  return new RegistryError('RANGE_INVALID', {
    message: 'the chunk does not begin where the upload ends; continue from the offset in the Range header',
    detail: { upload: session.id, expected: session.offset, received: start },
  });
}

export function wrongDigest(expected: Digest, actual: string, size: number): RegistryError {
  return new RegistryError('DIGEST_INVALID', {
    message: 'the uploaded bytes do not have the digest that the request names',
    detail: { expected, actual, size },
  });
}
