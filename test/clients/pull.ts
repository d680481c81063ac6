import { fetch } from '../http/fetch.ts';
import {
  checkStream,
  type Content,
  type Descriptor,
  digestOf,
  type Manifest,
  readContent,
  type Source,
} from './content.ts';

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/**
 * Pulls a reference by plain HTTP, apart from any client: checks the digest of every byte, that headers and content
 * agree, and that HEAD says what GET does.
 */
export async function pull(url: string, repository: string, reference: string): Promise<Content> {
  const { descriptor } = await pullManifest(url, repository, reference);
  const source: Source = {
    async manifest(expected) {
      const pulled = await pullManifest(url, repository, expected.digest);
      same('size', pulled.descriptor.size, expected.size);
      same('media type', pulled.descriptor.mediaType, expected.mediaType);
      return pulled.manifest;
    },
    blob: (blob) => pullBlob(url, repository, blob),
  };
  return readContent(source, descriptor);
}

async function pullManifest(
  url: string,
  repository: string,
  reference: string,
): Promise<{ descriptor: Descriptor; manifest: Manifest }> {
  const address = `${url}/v2/${repository}/manifests/${reference}`;
  const response = await get(address, { accept });
  const bytes = await response.bytes();
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as Manifest;
  const digest = digestOf(bytes);
  same('Docker-Content-Digest', response.headers.get('docker-content-digest'), digest);
  const mediaType = response.headers.get('content-type') ?? '';
  if (manifest.mediaType !== undefined) same('Content-Type', mediaType, manifest.mediaType);
  await sameHead(address, response.headers);
  return { descriptor: { mediaType, digest, size: bytes.length }, manifest };
}

async function pullBlob(url: string, repository: string, { digest }: Descriptor): Promise<number> {
  const address = `${url}/v2/${repository}/blobs/${digest}`;
  const response = await get(address, {});
  same('Content-Encoding', response.headers.get('content-encoding'), null);
  const size = await checkStream(response.body ?? (async function* nothing() {})(), digest);
  same('Content-Length', response.headers.get('content-length'), String(size));
  await sameHead(address, response.headers);
  return size;
}

async function get(address: string, headers: Record<string, string>): Promise<Response> {
  // Bun would ask for a compressed answer and hide that it got one.
  const response = await fetch(address, { headers, decompress: false });
  if (response.status !== 200) throw new Error(`GET ${address} answered ${response.status}: ${await response.text()}`);
  return response;
}

async function sameHead(address: string, got: Headers): Promise<void> {
  const head = await fetch(address, { method: 'HEAD', headers: { accept } });
  same(`status of HEAD ${address}`, head.status, 200);
  for (const name of ['content-length', 'content-type', 'docker-content-digest', 'etag']) {
    same(`${name} of HEAD`, head.headers.get(name), got.get(name));
  }
}

/** Throws unless both are the same. */
export function same(what: string, actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) throw new Error(`${what} is ${String(actual)}, not ${String(expected)}`);
}

/** Throws unless both lead to the same manifests and the same blobs, byte for byte. */
export function sameContent(actual: Content, expected: Content): void {
  same('digest', actual.root.digest, expected.root.digest);
  const list = ({ manifests, blobs }: Content) => JSON.stringify([[...manifests].toSorted(), [...blobs].toSorted()]);
  same('content', list(actual), list(expected));
}
