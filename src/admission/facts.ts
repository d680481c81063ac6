import {
  type Catalog,
  describeTagsOf,
  findLinkedBlob,
  manifestsAmong,
  manifestsNaming,
  readManifest,
  type WholeManifest,
} from '../catalog/index.ts';
import type { BlobStore } from '../content/index.ts';
import {
  type Digest,
  parseManifest,
  type ParsedManifest,
  type Platform,
  platformsOf,
  requireDigest,
} from '../oci/index.ts';
import type { ArtifactKind } from './artifact-kind.ts';
import { attestationsOf, classify, isCose, isText } from './classify.ts';
import type { AdmissionFacts } from './decision.ts';
import type { ScanEvidence } from './evidence.ts';
import { readEvidence } from './evidence-store.ts';
import type { Part } from './part-store.ts';
import { statedOf } from './quarantine-store.ts';
import type { ImagePlace } from './verdict-store.ts';
import { oneLine } from './words.ts';

/** Most manifests below an index that are looked at, and how deep they may lie. */
const mostImages = 256;
const deepest = 4;
/** And how many findings they may have together: each decision on an index reads all of them. */
const mostFindings = 100_000;
/** Most indexes that list a manifest which are looked at. */
const mostListing = 64;

export interface FactSources {
  catalog: Catalog;
  blobs: Pick<BlobStore, 'read'>;
  /** Since when an image waits to be scanned (ms); undefined where nobody has asked for it. */
  scanWaitsSince?(digest: Digest): Promise<number | undefined>;
  /** How fresh the oldest feed is that speaks of these ecosystems (ms): it may be kept up to date without changing any finding. */
  freshAt?(ecosystems: readonly string[]): Promise<number>;
}

/** What an image is decided by, with the versions of what may change. */
export interface CollectedFacts {
  facts: AdmissionFacts;
  mediaType: string;
  evidenceVersion: number;
  stateVersion: number;
  /** All that an index was decided by, however deep it lies. */
  parts: Part[];
}

/** Collects the facts of an image; undefined where there is no such manifest. No network, nothing but keys. */
export async function collectFacts(sources: FactSources, place: ImagePlace): Promise<CollectedFacts | undefined> {
  const manifest = await readManifest(sources.catalog, place.repositoryId, place.digest);
  if (!manifest) return undefined;
  const budget: Around['budget'] = { images: mostImages, findings: mostFindings, parts: [] };
  const found = await factsOf(sources, place, manifest, { budget, depth: 0 });
  return { ...found, mediaType: manifest.mediaType, parts: budget.parts };
}

interface Around {
  /** Shared by all that one index lists. */
  budget: { images: number; findings: number; parts: Part[] };
  depth: number;
  platform?: string | undefined;
  /** The index by which it is looked at: it counts, however many list it. */
  listing?: Digest | undefined;
}

async function factsOf(
  sources: FactSources,
  place: ImagePlace,
  manifest: WholeManifest,
  around: Around,
): Promise<{ facts: AdmissionFacts; evidenceVersion: number; stateVersion: number }> {
  const { repositoryId, registryId, repository, digest } = place;
  const { db } = sources.catalog;
  const parsed = parseManifest(manifest.bytes, manifest.mediaType);
  const naming = await manifestsNaming(sources.catalog, repositoryId, digest, mostListing);
  const first = naming.filter(({ role }) => role === 'child').map((one) => one.digest);
  const listedBy = [...new Set(around.listing === undefined ? first : [around.listing, ...first])];
  const [kind, known, states] = await Promise.all([
    kindOf(sources, place, parsed, listedBy),
    readEvidence(db, registryId, digest, 'scan'),
    statedOf(db, repositoryId, [digest, ...listedBy]),
  ]);
  const own = states.get(digest)?.state;
  const inherited = new Set(listedBy.map((index) => states.get(index)?.state));
  const facts: AdmissionFacts = {
    repository,
    digest,
    kind,
    listedBy,
    // An index that was released admits what it lists; what was said of a part itself comes first.
    stated: own ?? (['Passed', 'Failed'] as const).find((state) => inherited.has(state)),
    ...(around.platform !== undefined && { platform: around.platform }),
    ...(known.evidence && { scan: await freshened(sources, known.evidence) }),
  };
  if (kind === 'image' && !known.evidence) facts.scanWaitsSince = await sources.scanWaitsSince?.(digest);
  if (kind === 'index') Object.assign(facts, await belowOf(sources, place, manifest, around));
  return { facts, evidenceVersion: known.version, stateVersion: states.get(digest)?.version ?? 0 };
}

async function freshened({ freshAt }: FactSources, evidence: ScanEvidence): Promise<ScanEvidence> {
  const { ecosystems, advisoriesAt } = evidence;
  if (!freshAt || !ecosystems) return evidence;
  return { ...evidence, advisoriesAt: Math.max(advisoriesAt, await freshAt(ecosystems)) };
}

/** What an index lists and this repository has, without what nobody runs. */
async function belowOf(
  sources: FactSources,
  place: ImagePlace,
  manifest: WholeManifest,
  { budget, depth }: Around,
): Promise<Pick<AdmissionFacts, 'children' | 'tooMany'>> {
  const listed = await childrenOf(sources, place, manifest);
  const platforms = platformsOf(manifest.bytes);
  const children: AdmissionFacts[] = [];
  if (depth === deepest) return { children, tooMany: listed.length > 0 };
  for (const digest of listed) {
    if (budget.images-- <= 0) return { children, tooMany: true };
    const child = await readManifest(sources.catalog, place.repositoryId, digest);
    if (!child) continue;
    const platform = wordOf(platforms.get(digest));
    const around = { budget, depth: depth + 1, platform, listing: place.digest };
    const { facts, ...versions } = await factsOf(sources, { ...place, digest }, child, around);
    budget.parts.push({ digest, ...versions });
    budget.findings -= facts.scan?.findings.length ?? 0;
    if (budget.findings < 0) return { children: [], tooMany: true };
    if (facts.kind !== 'supply-chain') children.push(facts);
  }
  return { children };
}

/** What an index lists and its repository has. */
export async function childrenOf(
  { catalog }: Pick<FactSources, 'catalog'>,
  { repositoryId }: ImagePlace,
  manifest: WholeManifest,
): Promise<Digest[]> {
  const { references, kind } = parseManifest(manifest.bytes, manifest.mediaType);
  if (kind !== 'index') return [];
  const listed = references.filter(({ role }) => role === 'child').map(({ digest }) => requireDigest(digest));
  const here = await manifestsAmong(catalog, repositoryId, [...new Set(listed)]);
  return [...here];
}

function wordOf(platform: Platform | undefined): string | undefined {
  if (platform?.os === undefined && platform?.architecture === undefined) return undefined;
  return oneLine(`${platform.os ?? 'unknown'}/${platform.architecture ?? 'unknown'}`);
}

async function kindOf(
  sources: FactSources,
  place: ImagePlace,
  parsed: ParsedManifest,
  listedBy: readonly Digest[],
): Promise<ArtifactKind> {
  const { catalog } = sources;
  // Most have a layer that no signature has: nothing else need be looked at.
  const layers = parsed.references.filter(({ role }) => role !== 'config');
  if (parsed.kind !== 'image' || !layers.every(({ mediaType }) => /json|cose/.test(mediaType))) {
    return classify(parsed, [], false).kind;
  }
  const repository = { id: place.repositoryId, registryId: place.registryId, name: place.repository };
  const [tags, isAttestation] = await Promise.all([
    describeTagsOf(catalog, repository, place.digest, { last: '', limit: 100 }),
    isListedAsAttestation(sources, place, listedBy),
  ]);
  const names = tags.map(({ name }) => name);
  const { kind, layers: toRead } = classify(parsed, names, isAttestation);
  for (const { digest, size, mediaType } of toRead) {
    // What cannot be looked at is an image like any other.
    if (!(await isDocument(sources, place, requireDigest(digest), size, mediaType))) return 'image';
  }
  return kind;
}

/** Every index that lists it has to say so: one that lists it as an image is enough for it to be pulled as one. */
async function isListedAsAttestation(
  { catalog }: FactSources,
  { repositoryId, digest }: ImagePlace,
  listedBy: readonly Digest[],
): Promise<boolean> {
  if (listedBy.length === 0) return false;
  for (const index of listedBy) {
    const manifest = await readManifest(catalog, repositoryId, index);
    if (manifest && !attestationsOf(manifest.bytes).has(digest)) return false;
  }
  return true;
}

async function isDocument(
  { catalog, blobs }: FactSources,
  { registryId, repository }: ImagePlace,
  digest: Digest,
  size: number,
  mediaType: string,
): Promise<boolean> {
  if (size === 0) return false;
  const blob = await findLinkedBlob(catalog, registryId, repository, digest);
  if (!blob) return false;
  const body = await blobs.read(blob.key, 0, blob.size - 1);
  const stream = body instanceof ReadableStream ? body : new Blob([body]).stream();
  return mediaType === 'application/cose' ? isCose(stream) : isText(stream, blob.size);
}
