/*
 * What a registry of a certain size holds, as a function of size and seed: the same ones give the same content. Most
 * repositories are small and three have a tenth of all tags each; every image has a layer that others have too.
 */
import { createHash } from 'node:crypto';
import { mediaTypes } from '../../src/oci/index.ts';

export interface World {
  seed: string;
  tags: number;
  repositories: number;
  /** Referrers of one manifest: the first image of the first repository. */
  referrers: number;
  /** Layers that images share. */
  bases: number;
  /** Number of the first tag of each repository; tags are numbered through the whole registry. */
  first: readonly number[];
}

const hot = 3;

/** The proportions of the target: 1 M tags, 100 k repositories, 5 M blobs. */
export function worldOf(tags: number, seed = 'bonded'): World {
  const repositories = Math.max(hot + 1, Math.ceil(tags / 10));
  const each = (tags * (1 - hot / 10)) / (repositories - hot);
  const first = [0];
  let share = 0;
  for (let repository = 0; repository < repositories; repository++) {
    // Half of what is left goes to all others evenly, half to one in twenty.
    share += repository < hot ? tags / 10 : each * (repository % 20 === 0 ? 10.5 : 0.5);
    first.push(Math.max(first.at(-1)! + 1, Math.round(share)));
  }
  return {
    seed,
    tags: first.at(-1)!,
    repositories,
    referrers: Math.ceil(tags / 100),
    bases: Math.ceil(tags / 1000),
    first,
  };
}

export function nameOf(repository: number): string {
  return `team-${String(repository % 97).padStart(2, '0')}/service-${String(repository).padStart(6, '0')}`;
}

/** The name of a tag by its place in its repository. */
export function tagOf(place: number): string {
  return `1.${Math.floor(place / 1000)}.${place % 1000}-build`;
}

/** The repository of a tag, by its number. */
export function repositoryOf({ first }: World, tag: number): number {
  let [low, high] = [0, first.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (first[middle]! <= tag) low = middle;
    else high = middle;
  }
  return low;
}

export interface Blob {
  digest: string;
  /** Bytes. */
  size: number;
  key: string;
}

/** A blob under the key that the file store would give it. */
export function blobOf(world: World, kind: 'config' | 'layer' | 'base' | 'spare' | 'signature', number: number): Blob {
  const hex = hash(`${world.seed}/${kind}/${number}`);
  const size = 1000 + (Number.parseInt(hex.slice(0, 6), 16) % 50_000_000);
  return { digest: `sha256:${hex}`, size, key: `sha256/${hex.slice(0, 2)}/${hex}-${hex.slice(32)}` };
}

const ownLayers = 4;

/** The configuration, the shared layer and the layers of the image that a tag's number stands for. */
export function blobsOfImage(world: World, tag: number): { base: Blob; own: Blob[] } {
  const own = [blobOf(world, 'config', tag)];
  for (let layer = 0; layer < ownLayers; layer++) own.push(blobOf(world, 'layer', tag * ownLayers + layer));
  return { base: blobOf(world, 'base', baseOf(world, tag)), own };
}

/** All images of a repository have one base. */
function baseOf(world: World, tag: number): number {
  return (repositoryOf(world, tag) * 7919) % world.bases;
}

/** A manifest, and what a push of it records. */
export interface Content {
  digest: string;
  bytes: Buffer;
  mediaType: string;
  kind: 'image' | 'index';
  artifactType: string | null;
  subject: string | null;
  annotations: string | null;
  references: Reference[];
}

export interface Reference {
  digest: string;
  size: number;
  mediaType: string;
  role: 'config' | 'layer' | 'child';
}

export function imageOf(world: World, tag: number, { base, own } = blobsOfImage(world, tag)): Content {
  return manifestOf([own[0]!, base, ...own.slice(1)]);
}

/** A signature of an image. */
export function referrerOf(world: World, number: number, subject: Content): Content {
  const blobs = [blobOf(world, 'signature', 0), blobOf(world, 'signature', number + 1)];
  return manifestOf(blobs, {
    artifactType: number % 2 === 0 ? 'application/vnd.example.signature' : 'application/vnd.example.sbom',
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.byteLength },
    annotations: { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' },
  });
}

export function indexOf(children: readonly Content[]): Content {
  const manifests = children.map(({ digest, bytes, mediaType }) => ({ mediaType, digest, size: bytes.byteLength }));
  const json = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  const references = manifests.map((child) => ({ ...child, role: 'child' as const }));
  return { ...contentOf(json, references), kind: 'index', artifactType: null, subject: null, annotations: null };
}

interface Additions {
  artifactType?: string;
  subject?: { mediaType: string; digest: string; size: number };
  annotations?: Record<string, string>;
}

const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';

function manifestOf([first, ...others]: readonly Blob[], more: Additions = {}): Content {
  const described = ({ digest, size }: Blob, mediaType: string) => ({ mediaType, digest, size });
  const config = described(first!, configType);
  const layers = others.map((layer) => described(layer, layerType));
  const references: Reference[] = [
    { ...config, role: 'config' },
    ...layers.map((layer) => ({ ...layer, role: 'layer' as const })),
  ];
  return {
    ...contentOf({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers, ...more }, references),
    kind: 'image',
    artifactType: more.artifactType ?? configType,
    subject: more.subject?.digest ?? null,
    annotations: more.annotations ? JSON.stringify(more.annotations) : null,
  };
}

function contentOf(json: { mediaType: string; [field: string]: unknown }, references: Reference[]) {
  const bytes = Buffer.from(JSON.stringify(json));
  return { digest: `sha256:${hash(bytes)}`, bytes, mediaType: json.mediaType, references };
}

function hash(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
