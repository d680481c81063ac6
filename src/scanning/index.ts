export { scanningConfig, type ScanningConfig } from './config.ts';
export { createKnowledge, type Knowledge, readFindings } from './evaluate-image.ts';
export { followContent } from './follow.ts';
export { findScan, readInventory } from './image-store.ts';
export { requestScan, type ScanReason } from './queue.ts';
export { newRematchState, reevaluate } from './rematch.ts';
export { runScans } from './run-scans.ts';
export { lookForWork, trimInventories } from './schedule.ts';
export { scanningMigrations } from './tables.ts';
