import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Digest,
  digestHex,
  maxManifestBytes,
  mediaTypes,
  parseDigest,
  parseManifest,
} from '../../../oci/index.ts';
import { type ContentClient, pullBlob, repositoryScope } from '../../content/index.ts';

/*
 * An OCI image layout (image-layout.md) with one artifact, for wherever no registry leads to:
 *
 *   oci-layout  index.json  blobs/sha256/HEX…
 */

/** A file of a layout, by its digest. */
export function blobPath(directory: string, digest: Digest): string {
  return join(directory, 'blobs', digest.split(':', 1)[0]!, digestHex(digest));
}

export async function isLayout(directory: string): Promise<boolean> {
  return stat(join(directory, 'oci-layout')).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** The manifest that a layout has: the first one that its index names. Throws an Error that says what is wrong. */
export async function readLayout(directory: string) {
  const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')) as {
    manifests?: { digest?: string }[];
  };
  const digest = parseDigest(index.manifests?.[0]?.digest ?? '');
  if (!digest) throw new Error(`${directory}/index.json names no manifest`);
  const path = blobPath(directory, digest);
  if ((await stat(path)).size > maxManifestBytes) throw new Error(`${path} is larger than a manifest may be`);
  const bytes = new Uint8Array(await readFile(path));
  return { digest, bytes, parsed: parseManifest(bytes, mediaTypes.ociManifest) };
}

/** Brings an artifact of a registry to a layout. What is there already is not fetched again. */
export async function writeLayout(
  client: ContentClient,
  { repository, digest, tag }: { repository: string; digest: Digest; tag: string },
  directory: string,
  progress: (text: string) => void,
): Promise<void> {
  const answer = await client.send({
    path: `/v2/${repository}/manifests/${digest}`,
    scope: repositoryScope(repository, 'pull'),
    accept: mediaTypes.ociManifest,
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const { references, mediaType } = parseManifest(bytes, mediaTypes.ociManifest);
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  for (const [at, blob] of references.entries()) {
    progress(`blob ${at + 1} of ${references.length}`);
    await writeBlob(directory, blob, pullBlob(client, repository, blob));
  }
  await writeBlob(directory, { digest, size: bytes.length }, each([bytes]));
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}\n');
  const named = { mediaType, digest, size: bytes.length, annotations: { 'org.opencontainers.image.ref.name': tag } };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [named] };
  await writeFile(join(directory, 'index.json'), `${JSON.stringify(index)}\n`);
}

async function writeBlob(
  directory: string,
  { digest, size }: { digest: Digest; size: number },
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const path = blobPath(directory, digest);
  const found = await stat(path).catch(() => undefined);
  if (found?.size === size) return;
  const unfinished = `${path}.part`;
  const hash = createHash('sha256');
  const file = await open(unfinished, 'w');
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (hash.digest('hex') !== digestHex(digest)) {
    await rm(unfinished, { force: true });
    throw new Error(`the server answered with other bytes than ${digest}`);
  }
  await rename(unfinished, path);
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
