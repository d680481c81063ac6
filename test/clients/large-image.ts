import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { writeLayout } from './layout-writer.ts';

const block = 1024 * 1024;

/**
 * Writes an image with one layer of `mebibytes` that no client can make smaller, tagged `latest`. The layer is stored
 * as gzip without compression, because clients would compress what is not.
 */
export async function writeLargeImage(directory: string, mebibytes: number): Promise<void> {
  const layout = await writeLayout(directory);
  const diff = createHash('sha256');
  const tar = Readable.from(
    (async function* entries() {
      for (const part of archiveOf(mebibytes)) {
        diff.update(part);
        yield part;
      }
    })(),
  );
  const gzip = tar.pipe(createGzip({ level: 0, chunkSize: block }));
  const layer = await layout.putStream(gzip, 'application/vnd.oci.image.layer.v1.tar+gzip');
  const rootfs = { type: 'layers', diff_ids: [`sha256:${diff.digest('hex')}`] };
  const config = await layout.put(
    JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs }),
    'application/vnd.oci.image.config.v1+json',
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await layout.put(
    JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }),
    mediaType,
  );
  await layout.finish(manifest, 'latest');
}

/** A tar archive (ustar) with one file of random bytes. */
function* archiveOf(mebibytes: number): Generator<Uint8Array> {
  const header = Buffer.alloc(512);
  const field = (at: number, text: string) => header.write(text, at, 'latin1');
  field(0, 'random.bin');
  field(100, '0000644\0');
  field(108, '0000000\0');
  field(116, '0000000\0');
  field(124, `${(mebibytes * block).toString(8).padStart(11, '0')}\0`);
  field(136, '00000000000\0');
  field(148, ' '.repeat(8));
  field(156, '0');
  field(257, 'ustar\x0000');
  const sum = header.reduce((total, byte) => total + byte, 0);
  field(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  yield header;
  for (let at = 0; at < mebibytes; at++) yield randomBytes(block);
  yield Buffer.alloc(1024);
}
