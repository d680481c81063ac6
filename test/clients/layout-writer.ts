import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Descriptor, digestOf } from './content.ts';

export interface LayoutWriter {
  put(content: string | Uint8Array, mediaType: string): Promise<Descriptor>;
  putStream(content: AsyncIterable<Uint8Array>, mediaType: string): Promise<Descriptor>;
  /** Writes the index; `name` becomes the tag of the image. */
  finish(root: Descriptor, name: string): Promise<void>;
}

/** Writes an OCI image layout (image-spec, image-layout.md) below an empty folder. */
export async function writeLayout(directory: string): Promise<LayoutWriter> {
  const blobs = join(directory, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  return {
    async put(content, mediaType) {
      const digest = digestOf(content);
      await writeFile(join(blobs, digest.slice('sha256:'.length)), content);
      return { mediaType, digest, size: Buffer.byteLength(content) };
    },
    async putStream(content, mediaType) {
      const hash = createHash('sha256');
      let size = 0;
      const count = new Transform({
        transform(chunk: Uint8Array, _encoding, done) {
          hash.update(chunk);
          size += chunk.length;
          done(null, chunk);
        },
      });
      const unnamed = join(blobs, '.incoming');
      await pipeline(content, count, createWriteStream(unnamed));
      const hex = hash.digest('hex');
      await rename(unnamed, join(blobs, hex));
      return { mediaType, digest: `sha256:${hex}`, size };
    },
    async finish(root, name) {
      const manifests = [{ ...root, annotations: { 'org.opencontainers.image.ref.name': name } }];
      await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
      await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    },
  };
}
