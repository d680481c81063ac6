import { RegistryError } from '../errors/index.ts';
import { maxManifestBytes } from '../oci/index.ts';

/** Longest that a manifest may take to arrive (ms). */
const maxManifestMs = 60_000;

/** Reads a manifest, counting as it comes: what it declares is not believed, and more than the limit is not kept. */
export async function readManifestBody(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > maxManifestBytes) throw tooLarge();
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const late = setTimeout(() => void reader.cancel(), maxManifestMs);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > maxManifestBytes) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => {});
    if (error instanceof RegistryError) throw error;
    throw new RegistryError('MANIFEST_INVALID', { message: 'the body ended early; push the manifest again', cause: error });
  } finally {
    clearTimeout(late);
  }
  const declared = request.headers.get('content-length');
  if (declared !== null && Number(declared) !== size) {
    throw new RegistryError('SIZE_INVALID', { message: 'the body is not as long as Content-Length says' });
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

function tooLarge(): RegistryError {
  return new RegistryError('SIZE_INVALID', {
    status: 413,
    message: `the manifest is larger than ${maxManifestBytes} bytes`,
    detail: { maxBytes: maxManifestBytes },
  });
}
