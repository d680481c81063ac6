import {
  annotationsAmong,
  blobBytesAmong,
  configsAmong,
  type ManifestDescription,
  type ManifestRow,
  metadataAmong,
  pullsOf,
  type Repository,
  tagsAmong,
} from '../catalog/index.ts';
import type { Digest, Platform } from '../oci/index.ts';
import type { Budget } from '../query/index.ts';
import type { Attributes } from './exchange.ts';
import { hasPlatform, platformOf } from './platform.ts';
import type { Known, Look } from './query-columns.ts';

/** Longest annotations of a manifest (characters of JSON) that a search looks at. */
const longestAnnotations = 64 * 1024;
/** Configs that are read at once, and what each counts, in rows. */
const configsAtOnce = 10;
const configCost = 20;

/** Looks up what columns need of manifests of a repository. */
export async function lookUp(
  attributes: Attributes,
  repository: Repository,
  manifests: readonly ManifestRow[],
  looks: ReadonlySet<Look>,
  budget: Budget,
): Promise<Known> {
  const { catalog, quarantine } = attributes;
  const digests = manifests.map(({ digest }) => digest);
  const blobsOf = manifests.filter(({ kind }) => kind !== 'index').map(({ digest }) => digest);
  const needsConfigs = looks.has('configs') || looks.has('platforms');
  const [blobBytes, configs, tags, annotations, metadata, pulls, states] = await Promise.all([
    looks.has('blobBytes') ? blobBytesAmong(catalog, repository, blobsOf) : undefined,
    needsConfigs ? configsAmong(catalog, repository, blobsOf) : undefined,
    looks.has('tags') ? tagsAmong(catalog, repository, digests) : undefined,
    looks.has('annotations') ? annotationsAmong(catalog, repository, digests, longestAnnotations) : undefined,
    looks.has('metadata') ? metadataAmong(catalog, repository, manifests) : undefined,
    looks.has('pulls') ? pullsOf(catalog, repository, digests) : undefined,
    looks.has('quarantine') ? quarantine.shown(repository, digests) : undefined,
  ]);
  return {
    ...(blobBytes && { blobBytes }),
    ...(configs && { configs }),
    ...(tags && { tags }),
    ...(annotations && { annotations }),
    ...(metadata && { metadata }),
    ...(pulls && { pulls }),
    ...(states && { quarantine: states }),
    ...(configs &&
      looks.has('platforms') && { platforms: await platformsAmong(attributes, repository, configs, budget) }),
  };
}

/** What images run on: a blob is read for each that has not been asked for lately. */
async function platformsAmong(
  attributes: Attributes,
  repository: Repository,
  configs: ReadonlyMap<Digest, NonNullable<ManifestDescription['config']>>,
  budget: Budget,
): Promise<Map<Digest, Platform>> {
  const platforms = new Map<Digest, Platform>();
  const images = [...configs].filter(([, config]) => hasPlatform(config));
  for (let at = 0; at < images.length; at += configsAtOnce) {
    const some = images.slice(at, at + configsAtOnce);
    budget.spend(some.length * configCost);
    const found = await Promise.all(some.map(([, config]) => platformOf(attributes, repository, { config })));
    for (const [n, [digest]] of some.entries()) platforms.set(digest, found[n]!);
    await budget.rest();
  }
  return platforms;
}
