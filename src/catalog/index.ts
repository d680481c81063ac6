export { checkCatalog } from './check.ts';
export { collectStep, type Collected } from './collect.ts';
export { gcConfig, manifestsConfig } from './config.ts';
export type { Catalog, Repository } from './context.ts';
export { deleteManifest } from './delete-manifest.ts';
export { findBlobToKeep, findLinkedBlob, type LinkedBlob } from './find-blob.ts';
export {
  findManifest,
  findManifestToKeep,
  type ManifestFacts,
  type StoredManifest,
} from './find-manifest.ts';
export { type Garbage, listGarbage } from './garbage.ts';
export { dropMissingBlob } from './heal.ts';
export { commitBlob, deleteBlob, mountBlob } from './links.ts';
export { putManifest } from './put-manifest.ts';
export { listReferrers, type Referrer } from './referrers.ts';
export { ensureRegistry, findRepository, listRepositories } from './repositories.ts';
export { catalogMigrations } from './tables.ts';
export { deleteTag, listTags } from './tags.ts';
