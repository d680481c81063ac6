export { checkCatalog } from './check.ts';
export { collectStep, type Collected } from './collect.ts';
export { gcConfig, manifestsConfig } from './config.ts';
export type { Catalog, Repository } from './context.ts';
export { deleteManifest } from './delete-manifest.ts';
export { findBlobToKeep, findLinkedBlob, type LinkedBlob } from './find-blob.ts';
export { findManifest, findManifestToKeep } from './find-manifest.ts';
export { type Garbage, listGarbage } from './garbage.ts';
export { dropMissingBlob, readsObject } from './heal.ts';
export { commitBlob, deleteBlob, mountBlob } from './links.ts';
export type { ManifestFacts } from './recent-manifests.ts';
export { putManifest } from './put-manifest.ts';
export { listReferrers, type Referrer } from './referrers.ts';
export {
  ensureRegistry,
  findRepository,
  listRepositories,
  registryNames,
  repositoryIds,
  requireBound,
} from './repositories.ts';
export { catalogMigrations } from './tables.ts';
export { deleteTag, listTags, type TagCondition } from './tags.ts';
