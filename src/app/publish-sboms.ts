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
 * that it is written once. Resolves with the digests of what it has written.
 */
export async function publishSboms(
  storage: Storage,
  uploads: Uploads,
  wanted: SbomRepositories,
  { digest, inventory }: { digest: Digest; inventory: ImageInventory },
): Promise<Digest[]> {
  const { db, catalog } = storage;
  const places = await placesOf(db, digest, mostPlaces);
  const chosen = places.filter(({ registryId, repository }) => coversRepository(wanted(registryId), repository));
  const image = chosen.length > 0 ? await contentOf(db, digest) : undefined;
  if (!image) return [];
  const subject = { mediaType: image.mediaType, digest, size: image.bytes.byteLength };
  const written: Digest[] = [];
  for (const { registryId, repositoryId, repository } of chosen) {
    const sbom = new TextEncoder().encode(toCycloneDx(inventory, { repository, digest }));
    const manifest = new TextEncoder().encode(JSON.stringify(manifestOf(subject, sbom)));
    const own = digestOf(manifest);
    if (await hasManifest(catalog, { id: repositoryId, registryId, name: repository }, own)) continue;
    const place = { registryId, repository };
    for (const bytes of [empty, sbom]) await putBlob(storage, uploads, place, bytes);
    const parsed = parseManifest(manifest, mediaTypes.ociManifest);
    const by = { id: 'scanning', name: 'scanning' };
    await putManifest({ ...catalog, by }, registryId, repository, { digest: own, bytes: manifest, parsed, tags: [] });
    written.push(own);
  }
  return written;
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
