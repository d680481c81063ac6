import {
  type Artifact,
  bundleArtifactType,
  bundledFeeds,
  bundleLayerType,
  layerKeys,
  writeLayer,
  AdvisoryImportError,
} from '../advisories/index.ts';
import {
  commitBlob,
  findBlobToKeep,
  findLinkedBlob,
  findManifest,
  type Mover,
  putManifest,
  roomFor,
} from '../catalog/index.ts';
import { layersOf } from '../importing/index.ts';
import type { LinkBlob, Uploads } from '../content/index.ts';
import { type Digest, digestOf, mediaTypes, parseManifest } from '../oci/index.ts';
import type { Storage } from './storage.ts';

/** A repository of this server, and what is wanted of it. */
export interface LocalImage {
  registryId: number;
  repository: string;
  reference: { tag: string } | { digest: Digest };
}

/** An artifact of a repository of this server. Throws AdvisoryImportError where it is not there. */
export async function openLocalArtifact({ catalog, blobs }: Storage, image: LocalImage): Promise<Artifact> {
  const { registryId, repository, reference } = image;
  const named = 'tag' in reference ? `${repository}:${reference.tag}` : `${repository}@${reference.digest}`;
  const found = await findManifest(catalog, registryId, repository, reference);
  if (!found) throw new AdvisoryImportError(`there is no ${named} here`);
  const bytes = found.bytes instanceof Blob ? await found.bytes.bytes() : found.bytes;
  const read = async function* ({ digest }: { digest: Digest }) {
    const blob = await findLinkedBlob(catalog, registryId, repository, digest);
    if (!blob) throw new AdvisoryImportError(`${named} names the blob ${digest}, which is not there`);
    if (blob.size === 0) return;
    const body = await blobs.read(blob.key, 0, blob.size - 1);
    if (body instanceof Uint8Array) yield body;
    else yield* body instanceof Blob ? body.stream() : body;
  };
  return { digest: found.digest, name: named, ...layersOf(parseManifest(bytes, found.mediaType), bytes, read) };
}

/** An SPDX expression (image-spec annotations.md). */
const licencesKey = 'org.opencontainers.image.licenses';
const empty = new TextEncoder().encode('{}');

/** What a bundle came to be. */
export interface WrittenBundle {
  digest: Digest;
  /** Of all layers. */
  bytes: number;
  revision: number;
  feeds: string[];
}

/**
 * Writes what is known of vulnerabilities into a repository, as an artifact with a layer for each feed. Layers that are there
 * already are not written again.
 */
export async function writeBundle(
  storage: Storage,
  uploads: Uploads,
  place: { registryId: number; repository: string; tag: string; by: Mover; creator: string },
  options: {
    feeds?: readonly string[] | undefined;
    maxBytes: number;
    check(): void;
    wrote(feed: string, share: number): Promise<void>;
  },
): Promise<WrittenBundle> {
  const { db } = storage;
  const { registryId, repository, tag } = place;
  const catalog = { ...storage.catalog, by: place.by };
  const feeds = (await bundledFeeds(db)).filter(({ id }) => options.feeds?.includes(id) ?? true);
  if (feeds.length === 0)
    throw new AdvisoryImportError('nothing is known that could be exported; sync advisories first');

  async function put(digest: Digest, size: number, stream: () => ReadableStream<Uint8Array>): Promise<void> {
    if (await findBlobToKeep(catalog, registryId, repository, digest)) return;
    const room = await roomFor(catalog, registryId, repository, { digest, length: size });
    if (room && room.bytes < size) throw room.refusal(size);
    const link: LinkBlob = (tx, blob) => commitBlob(catalog, tx, registryId, repository, blob);
    await uploads.put(
      { registryId, repository, creator: place.creator },
      { stream: stream(), length: size },
      digest,
      link,
      room,
    );
  }

  const layers: object[] = [];
  const licences = new Set<string>();
  let bytes = 0;
  for (const [at, feed] of feeds.entries()) {
    options.check();
    await options.wrote(feed.id, at / feeds.length);
    const { file, digest, licences: own } = await writeLayer(db, feed, options.maxBytes);
    await using _ = file;
    for (const licence of own) licences.add(licence);
    await put(digest, file.size, () => streamOf(file));
    bytes += file.size;
    layers.push({
      mediaType: bundleLayerType,
      digest,
      size: file.size,
      annotations: {
        'org.opencontainers.image.title': `${feed.id.replaceAll('/', '-')}.ndjson.zst`,
        ...(own.length > 0 && { [licencesKey]: own.join(' AND ') }),
        [layerKeys.feed]: feed.id,
        [layerKeys.at]: new Date(feed.okAt ?? 0).toISOString(),
        [layerKeys.records]: `${feed.records}`,
        [layerKeys.source]: feed.origin,
      },
    });
  }
  const emptyDigest = digestOf(empty);
  await put(emptyDigest, empty.length, () => new Blob([empty]).stream());
  const manifest = new TextEncoder().encode(
    JSON.stringify(manifestOf(feeds, emptyDigest, layers, [...licences].toSorted())),
  );
  const digest = digestOf(manifest);
  const parsed = parseManifest(manifest, mediaTypes.ociManifest);
  await putManifest(catalog, registryId, repository, { digest, bytes: manifest, parsed, tags: [tag] });
  return { digest, bytes, revision: revisionOf(feeds), feeds: feeds.map(({ id }) => id) };
}

type Feeds = Awaited<ReturnType<typeof bundledFeeds>>;

const revisionOf = (feeds: Feeds) => Math.max(...feeds.map(({ revision }) => revision));

function manifestOf(feeds: Feeds, emptyDigest: Digest, layers: readonly object[], licences: readonly string[]): object {
  // The time of what is in it, not of its making: the same knowledge is the same manifest.
  const built = new Date(Math.max(...feeds.map(({ okAt = 0 }) => okAt))).toISOString();
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: bundleArtifactType,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: emptyDigest, size: empty.length },
    layers,
    annotations: {
      'org.opencontainers.image.created': built,
      ...(licences.length > 0 && { [licencesKey]: licences.join(' AND ') }),
      'vnd.bonded.advisories.revision': `${revisionOf(feeds)}`,
      'vnd.bonded.advisories.sources': feeds.map(({ id }) => id).join(', '),
    },
  };
}

const chunkBytes = 256 * 1024;

function streamOf(file: {
  size: number;
  read(position: number, length: number): Promise<Uint8Array>;
}): ReadableStream<Uint8Array> {
  let position = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const length = Math.min(chunkBytes, file.size - position);
        if (length === 0) return controller.close();
        controller.enqueue(await file.read(position, length));
        position += length;
      },
    },
    { highWaterMark: 0 },
  );
}
