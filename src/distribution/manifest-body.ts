import { RegistryError } from '../errors/index.ts';
import type { ByteShare } from '../memory/index.ts';

/**
 * Reads a manifest, counting as it comes: what it declares is not believed, and more than `maxBytes` is not kept, nor
 * what `share` does not give. A body that is not there after `timeoutMs` is given up.
 */
export async function readManifestBody(
  request: Request,
  { timeoutMs, maxBytes, share }: { timeoutMs: number; maxBytes: number; share: ByteShare },
): Promise<Uint8Array> {
  const declared = request.headers.get('content-length');
  if (declared !== null && Number(declared) > maxBytes) throw tooLarge(maxBytes);
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooSlow()), timeoutMs);
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) break;
      size += value.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      share.take(value.byteLength);
      chunks.push(value);
    }
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw new RegistryError('MANIFEST_INVALID', {
      message: 'the body ended early; push the manifest again',
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    // Not cancelled: what was not read stays where it is until the edge has decided what becomes of the connection.
    reader.releaseLock();
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

function tooLarge(maxBytes: number): RegistryError {
  return new RegistryError('SIZE_INVALID', {
    status: 413,
    message: `the manifest is larger than ${maxBytes} bytes`,
    detail: { maxBytes },
  });
}

function tooSlow(): RegistryError {
  return new RegistryError('MANIFEST_INVALID', {
    status: 408,
    message: 'the manifest arrived too slowly; push it again',
  });
}
