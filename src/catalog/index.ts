export { type Subject, wholeRepository } from './attributes.ts';
export { type AttributeChange, changeAttributes } from './change-attributes.ts';
export { checkCatalog } from './check.ts';
export { collectStep, type Collected } from './collect.ts';
export { gcConfig, manifestsConfig, tagsConfig } from './config.ts';
export type { Catalog, Mover, Repository, SoftDelete } from './context.ts';
export { createPullCounter, type PullCounter } from './count-pulls.ts';
export {
  type DeletedManifest,
  type DeletedTag,
  describeDeleted,
  describeDeletedTags,
  listDeletedRepositories,
} from './describe-deleted.ts';
export { deleteMetadata, findMetadata, listMetadata, type Metadata, putMetadata } from './custom-metadata.ts';
export { deleteManifest } from './delete-manifest.ts';
export { deleteRepository } from './delete-repository.ts';
export type { Attributes } from './describe-locks.ts';
export { describeManifest, describeManifests, hasManifest, type ManifestDescription } from './describe-manifests.ts';
export { describeRepository, findListedRepository, type RepositoryFacts } from './describe-repository.ts';
export { describeTag, describeTags, describeTagsOf, type TagFacts } from './describe-tags.ts';
export {
  annotationsAmong,
  blobBytesAmong,
  configsAmong,
  isListed,
  type ManifestRow,
  manifestRows,
  manifestRowsOf,
  metadataAmong,
  tagsAmong,
} from './search-manifests.ts';
export { findBlobToKeep, findLinkedBlob, type LinkedBlob } from './find-blob.ts';
export { countStorage, isStorageCounted } from './count-storage.ts';
export { findManifest, findManifestFacts, findManifestToKeep } from './find-manifest.ts';
export { foldStorage } from './fold-storage.ts';
export { type Garbage, listGarbage } from './garbage.ts';
export { looseReleases } from './loose-releases.ts';
export { dropMissingBlob, readsObject } from './heal.ts';
export { commitBlob, deleteBlob, mountBlob, mountFrom } from './links.ts';
export { largestRepositories, type RepositorySize } from './largest-repositories.ts';
export { type LimitedStorage, storageChecks } from './storage-checks.ts';
export { manifestStorage, repositoryStorage, type StorageShares, tagStorage } from './storage-of.ts';
export {
  createStorageLimiter,
  forgetLimits,
  type Share,
  type StorageLimiter,
  type StorageLimits,
} from './storage-limiter.ts';
export { isOverLimit, roomFor } from './storage-limits.ts';
export type { ManifestFacts } from './recent-manifests.ts';
export {
  contentOf,
  hasPlaces,
  imagesAfter,
  type Place,
  placesAmong,
  placesOf,
  registriesOf,
  type StoredContent,
} from './places.ts';
export { putManifest } from './put-manifest.ts';
export { purgeDeleted, purgeManifest } from './purge-deleted.ts';
export { type Pulls, pullsOf } from './pulls.ts';
export { dayOf, regionPullsOf } from './region-pulls.ts';
export {
  digestsOfTags,
  earlierDigests,
  firstNaming,
  holdManifest,
  isNamed,
  manifestsAmong,
  manifestsNaming,
  pulledDigests,
  readManifest,
  repositoryOfId,
  type WholeManifest,
} from './relations.ts';
export { listReferrers, type Referrer } from './referrers.ts';
export { collectRetired, ensureRegistry, ensureRegistryRow, registryNames, retireRegistry } from './registries.ts';
export { restoreManifest } from './restore-deleted.ts';
export { emptyRetired } from './retire-repository.ts';
export { findRepository, repositoryIds, requireBound, requireWritable } from './repositories.ts';
export { shareRepositoryIds } from './share-repository-ids.ts';
export { bytesOf, registryUsage, type StorageUsage } from './usage.ts';
export { catalogMigrations } from './tables.ts';
export { listTagHistory, restoreTag, type TagMove } from './tag-history.ts';
export { type TagMutability, tagMutabilityModes } from './tag-mutability.ts';
export { deleteTag, listTags, type TagCondition } from './tags.ts';
export type { ListOrder, ListPosition } from './time-order.ts';
export {
  findVisibleRepository,
  listVisibleRepositories,
  readVisibleRepositories,
  type Viewer,
  repositoryPages,
} from './visible-repositories.ts';
export { trimTagHistory } from './trim-history.ts';
