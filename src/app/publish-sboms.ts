import { coversRepository } from '../admission/index.ts';
import {
  commitBlob,
  contentOf,
  findBlobToKeep,
  hasManifest,
  placesOf,
  putManifest,
  roomFor,
} from '../catalog/index.ts';
import type { LinkBlob, Uploads } from '../content/index.ts';
import { cycloneDxMediaType, type ImageInventory, toCycloneDx } from '../inventory/index.ts';
import { type Digest, digestOf, mediaTypes, parseManifest } from '../oci/index.ts';
import type { Storage } from './storage.ts';

/** Places of one image that are looked at. */
const mostPlaces = 1000;
const empty = new TextEncoder().encode('{}');

/** Repositories of a registry whose images have their SBOM as a referrer. */
export type SbomRepositories = (registryId: number) => readonly string[];

/**
 * Puts the SBOM of an image beside it, as a referrer, wherever a repository asks for that. The same image has the same SBOM, so
 * that it is written once. Resolves with the digests of what it has written. A repository that takes none is told of at the end: it keeps
 * the others from nothing.
 */
export async function publishSboms(
  storage: Storage,
  uploads: Uploads,
  wanted: SbomRepositories,
  { digest, inventory }: { digest: Digest; inventory: ImageInventory },
): Promise<Digest[]> {
  const { db } = storage;
  const places = await placesOf(db, digest, mostPlaces);
  const chosen = places.filter(({ registryId, repository }) => coversRepository(wanted(registryId), repository));
  const image = chosen.length > 0 ? await contentOf(db, digest) : undefined;
  if (!image) return [];
  const subject = { mediaType: image.mediaType, digest, size: image.bytes.byteLength };
  const written: Digest[] = [];
  const failures: unknown[] = [];
  for (const place of chosen) {
    const sbom = new TextEncoder().encode(toCycloneDx(inventory, { repository: place.repository, digest }));
    try {
      const own = await publish(storage, uploads, place, { sbom, subject });
      if (own) written.push(own);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} repositories take no SBOM`);
  if (failures.length === 1) throw failures[0];
  return written;
}

/** Undefined where it is there. */
async function publish(
  storage: Storage,
  uploads: Uploads,
  { registryId, repositoryId, repository }: Awaited<ReturnType<typeof placesOf>>[number],
  { sbom, subject }: { sbom: Uint8Array<ArrayBuffer>; subject: object },
): Promise<Digest | undefined> {
  const { catalog } = storage;
  const manifest = new TextEncoder().encode(JSON.stringify(manifestOf(subject, sbom)));
  const own = digestOf(manifest);
  if (await hasManifest(catalog, { id: repositoryId, registryId, name: repository }, own)) return undefined;
  const place = { registryId, repository };
  for (const bytes of [empty, sbom]) await putBlob(storage, uploads, place, bytes);
  const parsed = parseManifest(manifest, mediaTypes.ociManifest);
  const by = { id: 'scanning', name: 'scanning' };
  await putManifest({ ...catalog, by }, registryId, repository, { digest: own, bytes: manifest, parsed, tags: [] });
  return own;
}

function manifestOf(subject: object, sbom: Uint8Array<ArrayBuffer>): object {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: cycloneDxMediaType,
    config: { mediaType: mediaTypes.ociEmpty, digest: digestOf(empty), size: empty.byteLength },
    layers: [{ mediaType: cycloneDxMediaType, digest: digestOf(sbom), size: sbom.byteLength }],
    subject,
  };
}

async function putBlob(
  { catalog }: Storage,
  uploads: Uploads,
  { registryId, repository }: { registryId: number; repository: string },
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const digest = digestOf(bytes);
  if (await findBlobToKeep(catalog, registryId, repository, digest)) return;
  const length = bytes.byteLength;
  const room = await roomFor(catalog, registryId, repository, { digest, length });
  if (room && room.bytes < length) throw room.refusal(length);
  const link: LinkBlob = (tx, blob) => commitBlob(catalog, tx, registryId, repository, blob);
  const stream = new Blob([bytes]).stream();
  await uploads.put({ registryId, repository, creator: 'scanning' }, { stream, length }, digest, link, room);
}
