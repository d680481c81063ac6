export {
  findImagesInput,
  findingsInput,
  type FindingView,
  listFailed,
  listFailedInput,
  listScans,
  scanningType,
  scanningTypes,
  scanType,
} from './contract.ts';
export { scanningHandlers } from './registry-handlers.ts';
export { scanHandlers } from './scan-handlers.ts';
export { scanningChecks, type ScanFacts as CheckedScans } from './checks.ts';
export { unscannedImages } from './unscanned.ts';
export { engineChecks, failingEngines } from './engines/checks.ts';
export type { HarborConfig } from './engines/config.ts';
export { createEngines } from './engines/create-engines.ts';
export type { EngineImage } from './engines/engine.ts';
export { requestEngines } from './engines/engine-queue.ts';
export { forgetEngines } from './engines/engine-store.ts';
export { runEngines } from './engines/run-engines.ts';
export { engineMigrations } from './engines/tables.ts';
export { scanningConfig } from './config.ts';
export { followContent } from './follow.ts';
export { hurryScan, queueState, requestScan, type ScanReason, scanWaitsSince } from './queue.ts';
export { createKnowledge, type Knowledge } from './knowledge.ts';
export { newRematchState, reevaluate } from './rematch.ts';
export { runScans } from './run-scans.ts';
export { lookForWork, trimInventories } from './schedule.ts';
export { scanningMigrations } from './tables.ts';
