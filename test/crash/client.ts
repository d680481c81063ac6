import { createHash } from 'node:crypto';
import { fetch } from '../http/fetch.ts';

export const imageType = 'application/vnd.oci.image.manifest.v1+json';
export const configType = 'application/vnd.oci.image.config.v1+json';
export const layerType = 'application/vnd.oci.image.layer.v1.tar';

export interface Answer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
}

/** A pusher and puller that says exactly what was answered. A connection that breaks rejects. */
export function createClient(url: string) {
  let answered = 0;
  async function send(
    method: string,
    path: string,
    body?: Uint8Array | ReadableStream<Uint8Array>,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(url + path, {
      method,
      headers,
      ...(body && { body: body as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> }),
      redirect: 'manual',
    });
    const bytes = await response.bytes();
    answered++;
    return { status: response.status, headers: response.headers, bytes };
  }
  const binary = { 'Content-Type': 'application/octet-stream' };
  const withDigest = (location: string, digest: string) =>
    `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
  return {
    send,
    /** Requests that were answered. */
    answered: () => answered,
    startUpload: (repository: string, query = '') => send('POST', `/v2/${repository}/blobs/uploads/${query}`),
    /** Adds a chunk; without `start` as a stream whose place the session knows. */
    patch: (location: string, bytes: Uint8Array, start?: number) =>
      send('PATCH', location, bytes, {
        ...binary,
        ...(start !== undefined && { 'Content-Range': `${start}-${start + bytes.byteLength - 1}` }),
      }),
    /** Adds a chunk of unknown length, with a pause (ms) in its midst. */
    patchSlowly: (location: string, bytes: Uint8Array, pauseMs: number) =>
      send('PATCH', location, pausing(bytes, pauseMs), binary),
    finish: (location: string, digest: string, bytes?: Uint8Array) =>
      send('PUT', withDigest(location, digest), bytes, bytes ? binary : {}),
    /** A whole blob in one request. */
    postBlob: (repository: string, digest: string, bytes: Uint8Array) =>
      send('POST', withDigest(`/v2/${repository}/blobs/uploads/`, digest), bytes, binary),
    head: (repository: string, kind: 'blobs' | 'manifests', reference: string) =>
      send('HEAD', `/v2/${repository}/${kind}/${reference}`),
    get: (repository: string, kind: 'blobs' | 'manifests', reference: string) =>
      send('GET', `/v2/${repository}/${kind}/${reference}`),
    putManifest: (repository: string, reference: string, bytes: Uint8Array) =>
      send('PUT', `/v2/${repository}/manifests/${reference}`, bytes, { 'Content-Type': imageType }),
    remove: (repository: string, kind: 'blobs' | 'manifests', reference: string) =>
      send('DELETE', `/v2/${repository}/${kind}/${reference}`),
  };
}

export type Client = ReturnType<typeof createClient>;

function pausing(bytes: Uint8Array, pauseMs: number): ReadableStream<Uint8Array> {
  const half = bytes.byteLength >> 1;
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(bytes.subarray(0, half));
      await Bun.sleep(pauseMs);
      controller.enqueue(bytes.subarray(half));
      controller.close();
    },
  });
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export interface Content {
  digest: string;
  bytes: Uint8Array;
}

export function contentOf(bytes: Uint8Array): Content {
  return { digest: digestOf(bytes), bytes };
}

/** The manifest of an image of these blobs; the first is its configuration. */
export function imageOf([config, ...layers]: readonly { digest: string; bytes: { byteLength: number } }[]): Content {
  const descriptor = (mediaType: string, blob: { digest: string; bytes: { byteLength: number } }) => ({
    mediaType,
    digest: blob.digest,
    size: blob.bytes.byteLength,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: imageType,
    config: descriptor(configType, config!),
    layers: layers.map((layer) => descriptor(layerType, layer)),
  };
  return contentOf(new TextEncoder().encode(JSON.stringify(manifest)));
}
