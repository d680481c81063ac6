import { link, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlobBody, type BlobStore, findBlobs } from '../../content/index.ts';
import type { Database } from '../../database/index.ts';
import { digestAlgorithm, digestHex, type Digest, parseManifest } from '../../oci/index.ts';
import { EngineError, type EngineImage } from './engine.ts';

export interface LayoutSource {
  db: Database;
  blobs: Pick<BlobStore, 'read'>;
}

export interface ImageLayout extends AsyncDisposable {
  /** A private directory, which goes with all that whoever works there leaves. */
  readonly directory: string;
  /** The OCI image layout in it. */
  readonly path: string;
}

/**
 * Lays one image out as an OCI image layout (image-spec, image-layout.md): for programs that are to read it without a credential
 * for the registry. Blobs that are files are linked; others are copied. Throws EngineError where some of it is not here, or it
 * is larger than `mostBytes`.
 */
export async function layOut(
  { db, blobs }: LayoutSource,
  { digest, mediaType, bytes }: EngineImage,
  mostBytes: number,
  signal: AbortSignal,
): Promise<ImageLayout> {
  const { references } = parseManifest(bytes, mediaType);
  const wanted = references.filter(({ role }) => role === 'config' || role === 'layer').map((one) => one.digest);
  const stored = await findBlobs(db, wanted);
  if (wanted.some((one) => !stored.has(one)))
    throw new EngineError('the image has layers that are not stored here', { isFinal: true });
  const size = [...stored.values()].reduce((sum, blob) => sum + blob.size, 0);
  if (size > mostBytes) throw new EngineError(`the image has more than ${mostBytes} bytes`, { isFinal: true });
  const directory = await mkdtemp(join(tmpdir(), 'bonded-engine-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const path = join(directory, 'image');
    for (const algorithm of ['sha256', 'sha512']) await mkdir(join(path, 'blobs', algorithm), { recursive: true });
    const index = { schemaVersion: 2, manifests: [{ mediaType, digest, size: bytes.byteLength }] };
    await Bun.write(join(path, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    await Bun.write(join(path, 'index.json'), JSON.stringify(index));
    await Bun.write(placeOf(path, digest), bytes);
    for (const [one, { key, size: length }] of stored) {
      signal.throwIfAborted();
      const body = length === 0 ? new Uint8Array() : await blobs.read(key, 0, length - 1);
      await put(body, placeOf(path, one as Digest), signal);
    }
    return { directory, path, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

const placeOf = (path: string, digest: Digest): string =>
  join(path, 'blobs', digestAlgorithm(digest), digestHex(digest));

async function put(body: BlobBody, place: string, signal: AbortSignal): Promise<void> {
  if (body instanceof Blob && 'name' in body && typeof body.name === 'string') {
    const file = body.name;
    // On another file system than that of temporary files there is no other way than to name it.
    return link(file, place).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
      return symlink(file, place);
    });
  }
  const stream = body instanceof ReadableStream ? body : new Blob([body]).stream();
  const file = Bun.file(place).writer();
  try {
    for await (const piece of stream) {
      signal.throwIfAborted();
      void file.write(piece);
      await file.flush();
    }
  } finally {
    await file.end();
  }
}
