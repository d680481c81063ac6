import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  platform?: { os: string; architecture: string };
  annotations?: Record<string, string>;
}

export interface Manifest {
  mediaType?: string;
  artifactType?: string;
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
  subject?: Descriptor;
}

/** What a reference leads to: digest → size, of its manifests and of everything below them. */
export interface Content {
  root: Descriptor;
  manifests: Map<string, number>;
  blobs: Map<string, number>;
}

/** Hands out content by digest, after checking it against its digest. */
export interface Source {
  manifest(descriptor: Descriptor): Promise<Manifest>;
  /** Hashes a blob; resolves with its size. */
  blob(descriptor: Descriptor): Promise<number>;
}

const indexTypes = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);

/** Reads everything below a manifest and hashes each byte of it. */
export async function readContent(source: Source, root: Descriptor): Promise<Content> {
  const content: Content = { root, manifests: new Map(), blobs: new Map() };
  const queue = [root];
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (content.manifests.has(next.digest)) continue;
    const manifest = await source.manifest(next);
    content.manifests.set(next.digest, next.size);
    if (indexTypes.has(next.mediaType)) queue.push(...(manifest.manifests ?? []));
    for (const blob of [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])]) {
      if (content.blobs.has(blob.digest)) continue;
      const size = await source.blob(blob);
      if (size !== blob.size) throw new Error(`${blob.digest} has ${size} bytes, its descriptor says ${blob.size}`);
      content.blobs.set(blob.digest, size);
    }
  }
  return content;
}

export function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Hashes a stream; throws when it is not what the digest says. Resolves with its size. */
export async function checkStream(stream: AsyncIterable<Uint8Array>, digest: string): Promise<number> {
  const [algorithm, expected] = digest.split(':') as [string, string];
  const hash = createHash(algorithm);
  let size = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    size += chunk.length;
  }
  const actual = hash.digest('hex');
  if (actual !== expected) throw new Error(`${digest} has ${size} bytes whose digest is ${algorithm}:${actual}`);
  return size;
}

/** An OCI image layout, as skopeo, buildah and oras write it. */
export function layoutSource(directory: string): Source {
  const path = (digest: string) => join(directory, 'blobs', ...digest.split(':'));
  return {
    blob: ({ digest }) => checkStream(createReadStream(path(digest)), digest),
    async manifest({ digest }) {
      const bytes = await readFile(path(digest));
      if (digestOf(bytes) !== digest) throw new Error(`the manifest ${digest} is not what its name says`);
      return JSON.parse(bytes.toString()) as Manifest;
    },
  };
}

/** Reads the image of a layout that holds one. */
export async function readLayout(directory: string): Promise<Content> {
  const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')) as Manifest;
  const [root, ...others] = index.manifests ?? [];
  if (!root || others.length > 0) throw new Error(`${directory} does not hold exactly one image`);
  return readContent(layoutSource(directory), root);
}
