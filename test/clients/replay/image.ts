import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { digestOf, type Descriptor } from '../content.ts';

/** Bytes with what a descriptor says of them. */
export interface Part extends Descriptor {
  bytes: Buffer;
}

export function part(mediaType: string, content: string | Uint8Array): Part {
  const bytes = Buffer.from(content);
  return { mediaType, bytes, digest: digestOf(bytes), size: bytes.length };
}

export function descriptorOf({ mediaType, digest, size }: Part): Descriptor {
  return { mediaType, size, digest };
}

/** A layer that no other test has pushed, of about `size` bytes. */
export function makeLayer(mediaType: string, size = 300_000): Part {
  return part(mediaType, gzipSync(randomBytes(size)));
}

/** A configuration that fits no image: what registries need not know, and do not check. */
export function makeConfig(mediaType: string, architecture = 'amd64'): Part {
  const random = randomBytes(8).toString('hex');
  return part(
    mediaType,
    JSON.stringify({ architecture, os: 'linux', config: { Labels: { random } }, rootfs: { type: 'layers' } }),
  );
}

/** A manifest as Docker 28 and older write it, indented by three spaces. */
export function dockerManifest(config: Part, layers: Part[]): Part {
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
  const manifest = { schemaVersion: 2, mediaType, config: descriptorOf(config), layers: layers.map(descriptorOf) };
  return part(mediaType, JSON.stringify(manifest, null, 3));
}

export function ociManifest(config: Part, layers: Part[]): Part {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = { schemaVersion: 2, mediaType, config: descriptorOf(config), layers: layers.map(descriptorOf) };
  return part(mediaType, JSON.stringify(manifest, null, 2));
}

export function ociIndex(manifests: object[]): Part {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  return part(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, manifests }, null, 2));
}
