export { joinNodes, type Node, type NodeOptions } from './node.ts';
export { databaseTime, isAlive, listNodes, type NodeState, silentMs } from './nodes.ts';
export { createPace } from './pace.ts';
export { type PeriodicWork, startPeriodic } from './periodic.ts';
export { jobMigrations } from './tables.ts';
