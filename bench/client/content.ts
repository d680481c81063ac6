import { createHash, randomBytes } from 'node:crypto';
import { openRaw, type RawConnection } from './raw-client.ts';

export const imageType = 'application/vnd.oci.image.manifest.v1+json';

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export interface Image {
  blobs: { digest: string; bytes: Uint8Array }[];
  manifest: Uint8Array;
}

/** An image of one configuration and one layer, as small as those of short-lived builds. */
export function smallImage(layerBytes = 4096): Image {
  const blobs = [randomBytes(300), randomBytes(layerBytes)].map((bytes) => ({ digest: digestOf(bytes), bytes }));
  const [config, layer] = blobs.map(({ digest, bytes }, at) => ({
    mediaType: `application/vnd.oci.image.${at === 0 ? 'config.v1+json' : 'layer.v1.tar'}`,
    digest,
    size: bytes.byteLength,
  }));
  const manifest = { schemaVersion: 2, mediaType: imageType, config, layers: [layer] };
  return { blobs, manifest: Buffer.from(JSON.stringify(manifest)) };
}

/** The requests that Docker 29 and containerd send for an image that is new: POST and PUT a blob, then the manifest. */
export async function pushImage(
  connection: RawConnection,
  repository: string,
  tag: string,
  image: Image,
): Promise<void> {
  for (const { digest, bytes } of image.blobs) {
    const { status, location } = await connection.send('POST', `/v2/${repository}/blobs/uploads/`);
    must(status, 202, 'POST of an upload');
    const path = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
    must((await connection.send('PUT', path, bytes)).status, 201, 'PUT of a blob');
  }
  const { status } = await connection.send('PUT', `/v2/${repository}/manifests/${tag}`, image.manifest, imageType);
  must(status, 201, 'PUT of a manifest');
}

export async function pushOnce(port: number, repository: string, tag: string, image: Image): Promise<void> {
  const connection = await openRaw(port);
  await pushImage(connection, repository, tag, image);
  connection.close();
}

/** Opens an upload and returns where to PUT a blob of this digest. */
export async function openUpload(port: number, repository: string, digest: string): Promise<string> {
  const connection = await openRaw(port);
  const { status, location } = await connection.send('POST', `/v2/${repository}/blobs/uploads/`);
  connection.close();
  must(status, 202, 'POST of an upload');
  const path = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
  return `http://127.0.0.1:${port}${path}`;
}

function must(status: number, wanted: number, what: string): void {
  if (status !== wanted) throw new Error(`${what} was answered with ${status}`);
}
