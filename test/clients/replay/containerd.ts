/*
 * The push and pull of containerd's resolver, which Docker from 29 on, BuildKit and nerdctl use: requests as `ctr` 1.6
 * sends them, recorded between it and a registry, with what containerd 2 changed (core/remotes/docker). Connections
 * are kept alive.
 */
import { credentialsFor } from '../../support/credentials.ts';
import { digestOf } from '../content.ts';
import { same } from '../pull.ts';
import { type Connection, head, openConnection, type RawResponse } from './connection.ts';
import type { Part } from './image.ts';

const resolveTypes = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  '*/*',
].join(', ');
const encodings = 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5';

export interface Resolver extends AsyncDisposable {
  /** Pushes a blob, mounting it where a source is named. Says how it got there. */
  pushBlob(blob: Part, from?: string): Promise<'existed' | 'mounted' | 'uploaded'>;
  /** Pushes a manifest by tag, or by its digest. */
  pushManifest(manifest: Part, tag?: string): Promise<'existed' | 'pushed'>;
  /** HEAD of a tag: the digest and the size that the client trusts from here on. */
  resolve(tag: string): Promise<{ digest: string; size: number; mediaType: string }>;
  fetchManifest(expected: { digest: string; mediaType: string }): Promise<Buffer>;
  /** Reads a blob in parts of `partSize` at once, each from its start on, hanging up when it has its part. */
  fetchInParallel(blob: Part, partSize: number): Promise<Buffer>;
}

/** Opens a connection to a repository as the client with this User-Agent. */
export async function openResolver(host: string, repository: string, agent: string): Promise<Resolver> {
  const connection: Connection = await openConnection(host);
  const { authorization } = credentialsFor(`http://${host}`);
  const common = `Host: ${host}\nUser-Agent: ${agent}\nAuthorization: ${authorization}`;
  const path = `/v2/${repository}`;
  const send = (text: string, ...body: Uint8Array[]): Promise<RawResponse> => connection.exchange(head(text), ...body);
  const exists = (what: string, mediaType: string) =>
    send(`HEAD ${path}/${what} HTTP/1.1\n${common}\nAccept: ${mediaType}, */*`);

  async function startUpload({ digest }: Part, from: string | undefined): Promise<RawResponse> {
    // containerd does not encode the query.
    const query = from === undefined ? '' : `?mount=${digest}&from=${from}`;
    return send(`POST ${path}/blobs/uploads/${query} HTTP/1.1\n${common}\nContent-Length: 0\nAccept-Encoding: gzip`);
  }

  return {
    async pushBlob(blob, from) {
      const found = await exists(`blobs/${blob.digest}`, blob.mediaType);
      if (found.status === 200) return 'existed';
      same('status of HEAD', found.status, 404);
      const started = await startUpload(blob, from);
      if (started.status === 201) {
        same('digest of the mount', started.header('Docker-Content-Digest'), blob.digest);
        return 'mounted';
      }
      same('status of POST', started.status, 202);
      const location = started.header('Location') ?? '';
      if (!location.startsWith('/')) throw new Error(`Location is not a path: ${location}`);
      const url = new URL(`http://${host}${location}`);
      url.searchParams.append('digest', blob.digest);
      const put = `PUT ${url.pathname}?${url.searchParams} HTTP/1.1\n${common}\nContent-Length: ${blob.size}\nContent-Type: application/octet-stream\nAccept-Encoding: gzip`;
      const response = await send(put, blob.bytes);
      same('status of PUT', response.status, 201);
      same('digest of PUT', response.header('Docker-Content-Digest'), blob.digest);
      return 'uploaded';
    },
    async pushManifest(manifest, tag) {
      const reference = tag ?? manifest.digest;
      const found = await exists(`manifests/${reference}`, manifest.mediaType);
      if (found.status === 200 && found.header('Docker-Content-Digest') === manifest.digest) return 'existed';
      if (found.status !== 200) same('status of HEAD', found.status, 404);
      const request = `PUT ${path}/manifests/${reference} HTTP/1.1\n${common}\nContent-Length: ${manifest.size}\nContent-Type: ${manifest.mediaType}\nAccept-Encoding: gzip`;
      const response = await send(request, manifest.bytes);
      same('status of PUT', response.status, 201);
      same('digest of PUT', response.header('Docker-Content-Digest'), manifest.digest);
      return 'pushed';
    },
    async resolve(tag) {
      const response = await send(`HEAD ${path}/manifests/${tag} HTTP/1.1\n${common}\nAccept: ${resolveTypes}`);
      same('status of HEAD', response.status, 200);
      const digest = response.header('Docker-Content-Digest') ?? '';
      return {
        digest,
        size: Number(response.header('Content-Length')),
        mediaType: response.header('Content-Type') ?? '',
      };
    },
    async fetchManifest({ digest, mediaType }) {
      const request = `GET ${path}/manifests/${digest} HTTP/1.1\n${common}\nAccept: ${mediaType}, */*\nAccept-Encoding: ${encodings}`;
      const response = await send(request);
      same('status of GET', response.status, 200);
      same('Content-Encoding', response.header('Content-Encoding'), undefined);
      same('media type', response.header('Content-Type'), mediaType);
      same('digest', digestOf(response.body), digest);
      return response.body;
    },
    async fetchInParallel({ digest, size, mediaType }, partSize) {
      const starts = Array.from({ length: Math.ceil(size / partSize) }, (_, at) => at * partSize);
      const parts = await Promise.all(
        starts.map(async (start) => {
          await using own = await openConnection(host);
          const request = `GET ${path}/blobs/${digest} HTTP/1.1\n${common}\nAccept: ${mediaType}, */*\nAccept-Encoding: ${encodings}\nRange: bytes=${start}-`;
          const response = await own.exchangePartly(head(request), partSize);
          same('status of GET', response.status, 206);
          same('Content-Encoding', response.header('Content-Encoding'), undefined);
          same('Content-Range', response.header('Content-Range'), `bytes ${start}-${size - 1}/${size}`);
          same('Content-Length', response.header('Content-Length'), String(size - start));
          return response.body;
        }),
      );
      return Buffer.concat(parts);
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
