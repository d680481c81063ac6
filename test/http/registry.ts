import { createHash } from 'node:crypto';
import { fetch } from './fetch.ts';

export type Algorithm = 'sha256' | 'sha512';

export const digestOf = (bytes: string | Uint8Array, algorithm: Algorithm = 'sha256'): string =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;

export const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
export const ociIndex = 'application/vnd.oci.image.index.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar';

/** One error as the specification shapes it, with what is ours in the detail. */
export interface OciError {
  code: string;
  message: string;
  detail: Record<string, unknown> & { requestId: string };
}

export async function errorOf(response: Response): Promise<OciError> {
  const { errors } = (await response.json()) as { errors: OciError[] };
  return errors[0]!;
}

/** Random bytes, so that no two tests mean the same blob. */
export const randomBytes = (size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

/** Opens an upload session; resolves with its absolute URL. */
export async function openUpload(url: string, name: string, query = ''): Promise<string> {
  const response = await fetch(`${url}/v2/${name}/blobs/uploads/${query}`, { method: 'POST' });
  if (response.status !== 202) throw new Error(`POST answered ${response.status}: ${await response.text()}`);
  return new URL(response.headers.get('location')!, url).href;
}

/** Pushes a blob as Docker does (POST, PUT); resolves with its digest. */
export async function pushBlob(
  url: string,
  name: string,
  bytes: Uint8Array<ArrayBuffer> | string,
  algorithm: Algorithm = 'sha256',
): Promise<string> {
  const digest = digestOf(bytes, algorithm);
  const session = await openUpload(url, name);
  // Other registries keep something of theirs in the query.
  const location = `${session}${session.includes('?') ? '&' : '?'}digest=${digest}`;
  const response = await fetch(location, { method: 'PUT', body: bytes });
  if (response.status !== 201) throw new Error(`PUT answered ${response.status}: ${await response.text()}`);
  return digest;
}

export function putManifest(
  url: string,
  name: string,
  reference: string,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
  contentType = ociManifest,
): Promise<Response> {
  const headers = { 'Content-Type': contentType };
  return fetch(`${url}/v2/${name}/manifests/${reference}`, { method: 'PUT', body, headers });
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

export const configDescriptor = (bytes: string | Uint8Array, digest = digestOf(bytes)): Descriptor => ({
  mediaType: 'application/vnd.oci.image.config.v1+json',
  digest,
  size: Buffer.byteLength(bytes),
});

export const layerDescriptor = (bytes: string | Uint8Array, digest = digestOf(bytes)): Descriptor => ({
  mediaType: layerType,
  digest,
  size: Buffer.byteLength(bytes),
});

export interface Image {
  /** The manifest's exact bytes, and its digest. */
  text: string;
  digest: string;
  config: string;
  layer: Uint8Array<ArrayBuffer>;
  layerDigest: string;
}

/** An image of one layer, not pushed yet; `extra` goes into the manifest. */
export function makeImage(layer = randomBytes(1000), extra: Record<string, unknown> = {}): Image {
  const config = '{"architecture":"amd64","os":"linux"}';
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: ociManifest,
    config: configDescriptor(config),
    layers: [layerDescriptor(layer)],
    ...extra,
  });
  return { text, digest: digestOf(text), config, layer, layerDigest: digestOf(layer) };
}

/** Pushes an image of one random layer under a tag, or by digest alone. */
export async function pushImage(url: string, name: string, tag?: string, image: Image = makeImage()): Promise<Image> {
  await pushBlob(url, name, image.config);
  await pushBlob(url, name, image.layer);
  const response = await putManifest(url, name, tag ?? image.digest, image.text);
  if (response.status !== 201) throw new Error(`PUT manifest answered ${response.status}: ${await response.text()}`);
  return image;
}
