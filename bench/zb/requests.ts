import { headerOf } from '../client/answer.ts';
import {
  type Blob,
  type Image,
  imageType,
  locationOf,
  must,
  octets,
  putManifest,
  type Sender,
  withDigest,
} from '../client/content.ts';

/** Time to the first byte of an answer (ms), by what was asked for. */
export type FirstBytes = Partial<Record<'Manifest HEAD' | 'Manifest GET' | 'Config' | 'Layer', number>>;

/** A push whose blobs are sent by PATCH, in chunks of an unknown number. */
export async function pushChunked(to: Sender, repository: string, tag: string, image: Image): Promise<void> {
  for (const blob of [...image.layers, image.config]) await pushBlobChunked(to, repository, blob);
  await putManifest(to, repository, tag, image.manifest);
}

async function pushBlobChunked(to: Sender, repository: string, { digest, pieces }: Blob): Promise<void> {
  const begun = await to.send({ method: 'POST', path: `/v2/${repository}/blobs/uploads/` });
  must(begun, 202, 'POST of an upload');
  const path = locationOf(begun);
  const sent = await to.send({ method: 'PATCH', path, headers: octets, body: pieces, chunked: true });
  must(sent, 202, 'PATCH of a blob');
  const ended = await to.send({ method: 'PUT', path: withDigest(locationOf(sent) || path, digest), headers: octets });
  must(ended, 201, 'PUT of a blob');
}

/** A pull as zb makes it: HEAD and GET of the manifest, of the configuration and of each layer. */
export async function pull(from: Sender, repository: string, tag: string): Promise<FirstBytes> {
  const manifest = `/v2/${repository}/manifests/${tag}`;
  const headers = { Accept: imageType };
  const firstBytes: FirstBytes = {};
  const ask = async (method: 'HEAD' | 'GET', path: string, what?: keyof FirstBytes) => {
    const began = performance.now();
    const answer = await from.send({ method, path, headers, keep: path === manifest });
    must(answer, 200, `${method} of ${path}`);
    if (what) firstBytes[what] = answer.firstByteAt - began;
    return answer;
  };
  await ask('HEAD', manifest, 'Manifest HEAD');
  const { body } = await ask('GET', manifest, 'Manifest GET');
  const { config, layers } = JSON.parse(body.toString()) as { config: Descriptor; layers: Descriptor[] };
  for (const blob of [config, ...layers]) {
    const path = `/v2/${repository}/blobs/${blob.digest}`;
    await ask('HEAD', path);
    const { length } = await ask('GET', path, blob === config ? 'Config' : 'Layer');
    if (length !== blob.size) throw new Error(`a blob of ${blob.size} bytes came with ${length}`);
  }
  return firstBytes;
}

interface Descriptor {
  digest: string;
  size: number;
}

export async function getCatalog(from: Sender): Promise<void> {
  must(await from.send({ method: 'GET', path: '/v2/_catalog' }), 200, 'GET of the catalog');
}

/** Removes a manifest with its blobs. Whether the registry lets one. */
export async function remove(from: Sender, repository: string, tag: string, image: Image): Promise<boolean> {
  const path = `/v2/${repository}/manifests/`;
  const found = await from.send({ method: 'HEAD', path: `${path}${tag}`, headers: { Accept: imageType } });
  const digest = headerOf(found, 'docker-content-digest');
  const { status } = await from.send({ method: 'DELETE', path: `${path}${digest}` });
  for (const blob of [...image.layers, image.config]) {
    await from.send({ method: 'DELETE', path: `/v2/${repository}/blobs/${blob.digest}` });
  }
  return status === 202 || status === 404;
}
