import { createHash } from 'node:crypto';
import type { Digest } from '../../oci/index.ts';
import type { ContentClient } from './client.ts';
import { ContentError } from './content-error.ts';
import { repositoryScope } from './scope.ts';

/** Bytes of one request. */
const windowBytes = 8 * 1024 * 1024;

/** Where bytes come from. */
export interface Bytes {
  readonly size: number;
  read(position: number, length: number): Promise<Uint8Array>;
}

export async function digestOfBytes(bytes: Bytes): Promise<Digest> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.size; at += windowBytes)
    hash.update(await bytes.read(at, Math.min(windowBytes, bytes.size - at)));
  return `sha256:${hash.digest('hex')}`;
}

/** Brings a blob to a repository, in pieces, unless it is there already (distribution-spec, "Pushing a blob in chunks"). */
export async function pushBlob(
  client: ContentClient,
  repository: string,
  { digest, bytes }: { digest: Digest; bytes: Bytes },
  sent: (share: number) => void = () => {},
): Promise<void> {
  const scope = repositoryScope(repository, 'pull', 'push');
  if (await hasBlob(client, repository, digest, scope)) return;
  const begun = await client.send({ method: 'POST', path: `/v2/${repository}/blobs/uploads/`, scope });
  let location = locationOf(client, begun);
  for (let at = 0; at < bytes.size; at += windowBytes) {
    const length = Math.min(windowBytes, bytes.size - at);
    const value = new Uint8Array(await bytes.read(at, length));
    const headers = { 'content-range': `${at}-${at + length - 1}` };
    const answer = await client.send({
      method: 'PATCH',
      path: location,
      scope,
      bytes: { value, mediaType: 'application/octet-stream' },
      headers,
    });
    location = locationOf(client, answer);
    sent((at + length) / bytes.size);
  }
  const path = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
  await client.send({ method: 'PUT', path, scope });
}

async function hasBlob(client: ContentClient, repository: string, digest: Digest, scope: string): Promise<boolean> {
  try {
    await client.send({ method: 'HEAD', path: `/v2/${repository}/blobs/${digest}`, scope });
    return true;
  } catch (error) {
    if (error instanceof ContentError && error.status === 404) return false;
    throw error;
  }
}

/** The bytes of a blob, in pieces, each of which is asked for by itself. Whoever keeps them compares them with the digest. */
export async function* pullBlob(
  client: ContentClient,
  repository: string,
  { digest, size }: { digest: Digest; size: number },
): AsyncGenerator<Uint8Array> {
  const scope = repositoryScope(repository, 'pull');
  for (let at = 0; at < size; at += windowBytes) {
    const last = Math.min(at + windowBytes, size) - 1;
    const answer = await client.send({
      path: `/v2/${repository}/blobs/${digest}`,
      scope,
      accept: '*/*',
      headers: { range: `bytes=${at}-${last}` },
    });
    const piece = new Uint8Array(await answer.arrayBuffer());
    if (piece.length !== last - at + 1)
      throw new ContentError(
        502,
        'BAD_ANSWER',
        `${client.server.host} answered with other bytes than it was asked for`,
      );
    yield piece;
  }
}

/** Stores a manifest under a tag; resolves with its digest. */
export async function pushManifest(
  client: ContentClient,
  { repository, tag }: { repository: string; tag: string },
  value: string,
  mediaType: string,
): Promise<string> {
  await client.send({
    method: 'PUT',
    path: `/v2/${repository}/manifests/${tag}`,
    scope: repositoryScope(repository, 'pull', 'push'),
    text: { value, mediaType },
  });
  return `sha256:${createHash('sha256').update(value).digest('hex')}`;
}

/** Where an upload goes on: only a path of the same server is followed. */
function locationOf({ server }: ContentClient, answer: Response): string {
  const location = answer.headers.get('location') ?? '';
  const url = URL.canParse(location, server.origin) ? new URL(location, server.origin) : undefined;
  if (location === '' || url?.origin !== new URL(server.origin).origin)
    throw new ContentError(502, 'BAD_ANSWER', `${server.host} does not say where the upload goes on`);
  return `${url.pathname}${url.search}`;
}
