export { logConfig } from './config.ts';
export { createLog, type Log } from './log.ts';
export { watchLoopLag } from './loop-lag.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { countsOf, mergeSnapshots, type MetricsSnapshot, renderSnapshots } from './snapshot.ts';
export { watchMemory } from './memory.ts';
