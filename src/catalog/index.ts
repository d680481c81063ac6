export { gcConfig, manifestsConfig } from './config.ts';
export { collectStep, type Collected, dueCandidates } from './collect.ts';
export type { Catalog, Repository } from './context.ts';
export { commitBlob, deleteBlob, findBlobToKeep, findLinkedBlob, type LinkedBlob, mountBlob } from './links.ts';
export {
  deleteManifest,
  findManifest,
  findManifestFacts,
  type ManifestFacts,
  putManifest,
  type StoredManifest,
} from './manifests.ts';
export { listReferrers, type Referrer } from './referrers.ts';
export { ensureRegistry, findRepository, listRepositories } from './repositories.ts';
export { catalogMigrations } from './tables.ts';
export { deleteTag, listTags } from './tags.ts';
