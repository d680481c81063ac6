export type { Artifact, ArtifactLayer, OpenArtifact } from './artifact.ts';
export { bundleArtifactType, bundledFeeds, bundleLayerType, layerKeys } from './bundle.ts';
export { presentAdvisories } from './present.ts';
export { changedComponents } from './changed-components.ts';
export { advisoriesConfig, type AdvisoriesConfig, type FeedSource, feedSources } from './config.ts';
export {
  advisoryDatabaseName,
  advisoryDatabaseType,
  exportAdvisories,
  removeAdvisories,
  syncAdvisories,
  type SyncInput,
} from './contract.ts';
export { fetchFile } from './feeds/fetch.ts';
export type { RefreshContext } from './feeds/feeds.ts';
export { type ByteSource, type OpenSource, openFile } from './formats/byte-source.ts';
export type { FeedState } from './feed-rows.ts';
export { advisoryChecks, type AdvisoryFacts } from './checks.ts';
export { askedId, componentsWith, findComponents, type FoundComponent } from './find-components.ts';
export { freshnessOf } from './freshness.ts';
export { predictionsOf } from './epss.ts';
export { exploitedOf } from './kev.ts';
export { importArtifact } from './import-artifact.ts';
export type { ImportContext } from './import-context.ts';
export { AdvisoryImportError } from './import-error.ts';
export { importFile } from './import-file.ts';
export type { OsvAffected, OsvRecord } from './osv.ts';
export type { FeedOutcome } from './record-feed.ts';
export { refreshFeeds, type RefreshOutcome, seenEcosystems } from './refresh.ts';
export { removeFeed } from './remove-feed.ts';
export { registerComponents } from './register.ts';
export { advisoriesStatus, type AdvisoriesStatus } from './status.ts';
export { advisoryMigrations } from './tables.ts';
export { vulnerabilitiesOf } from './vulnerabilities.ts';
export type { Vulnerability } from './vulnerability.ts';
export { writeDirectory, writeLayer } from './write-layer.ts';
