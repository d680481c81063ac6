import { createHash, randomBytes } from 'node:crypto';
import { type Answer, headerOf } from './answer.ts';
import { local, openRaw, type RawConnection } from './raw-client.ts';

export const imageType = 'application/vnd.oci.image.manifest.v1+json';
export const configType = 'application/vnd.oci.image.config.v1+json';
export const layerType = 'application/vnd.oci.image.layer.v1.tar';
export const octets = { 'Content-Type': 'application/octet-stream' };

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export interface Blob {
  digest: string;
  size: number;
  /** Its bytes in pieces. */
  pieces: readonly Uint8Array[];
}

export interface Image {
  config: Blob;
  layers: readonly Blob[];
  manifest: Uint8Array;
}

export function blobOf(bytes: Uint8Array): Blob {
  return { digest: digestOf(bytes), size: bytes.byteLength, pieces: [bytes] };
}

/** Whatever stands in `extra` becomes part of the manifest. */
export function imageOf(config: Blob, layers: readonly Blob[], extra: Record<string, unknown> = {}): Image {
  const descriptor = (mediaType: string, { digest, size }: Blob) => ({ mediaType, digest, size });
  const manifest = {
    schemaVersion: 2,
    mediaType: imageType,
    config: descriptor(configType, config),
    layers: layers.map((layer) => descriptor(layerType, layer)),
    ...extra,
  };
  return { config, layers, manifest: Buffer.from(JSON.stringify(manifest)) };
}

/** An image of one configuration and one layer, as small as those of short-lived builds. */
export function smallImage(layerBytes = 4096): Image {
  return imageOf(blobOf(randomBytes(300)), [blobOf(randomBytes(layerBytes))]);
}

/** A connection, or what opens one when it has to. */
export type Sender = Pick<RawConnection, 'send'>;

/** The requests that Docker 29 and containerd send for an image that is new: POST and PUT a blob, then the manifest. */
export async function pushImage(connection: Sender, repository: string, tag: string, image: Image): Promise<void> {
  for (const blob of [image.config, ...image.layers]) await pushBlob(connection, repository, blob);
  await putManifest(connection, repository, tag, image.manifest);
}

export async function pushBlob(connection: Sender, repository: string, blob: Blob): Promise<void> {
  const path = await beginUpload(connection, repository, blob.digest);
  must(await connection.send({ method: 'PUT', path, headers: octets, body: blob.pieces }), 201, 'PUT of a blob');
}

export async function putManifest(
  connection: Sender,
  repository: string,
  tag: string,
  manifest: Uint8Array,
): Promise<void> {
  const path = `/v2/${repository}/manifests/${tag}`;
  const headers = { 'Content-Type': imageType };
  must(await connection.send({ method: 'PUT', path, headers, body: [manifest] }), 201, 'PUT of a manifest');
}

/** Opens an upload and returns the path to PUT a blob of this digest to. */
async function beginUpload(connection: Sender, repository: string, digest: string): Promise<string> {
  const answer = await connection.send({ method: 'POST', path: `/v2/${repository}/blobs/uploads/` });
  must(answer, 202, 'POST of an upload');
  return withDigest(locationOf(answer), digest);
}

/** Path and query of the Location header. */
export function locationOf(answer: Answer): string {
  return headerOf(answer, 'location').replace(/^https?:\/\/[^/]+/i, '');
}

export function withDigest(path: string, digest: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
}

/** Runs `work` on a connection to a server of this machine. */
export async function connected<T>(port: number, work: (connection: RawConnection) => Promise<T>): Promise<T> {
  const connection = await openRaw(local(port));
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}

export function pushOnce(port: number, repository: string, tag: string, image: Image): Promise<void> {
  return connected(port, (connection) => pushImage(connection, repository, tag, image));
}

/** Opens an upload and returns the URL to PUT a blob of this digest to. */
export async function openUpload(port: number, repository: string, digest: string): Promise<string> {
  const path = await connected(port, (connection) => beginUpload(connection, repository, digest));
  return `http://127.0.0.1:${port}${path}`;
}

/** An answer with another status than the one that means success. */
export class UnexpectedStatus extends Error {
  readonly status: number;

  constructor(what: string, status: number) {
    super(`${what} was answered with ${status}`);
    this.status = status;
  }
}

export function must({ status }: Answer, wanted: number, what: string): void {
  if (status !== wanted) throw new UnexpectedStatus(what, status);
}
