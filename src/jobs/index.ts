export { createPace } from './pace.ts';
export { type PeriodicWork, startPeriodic } from './periodic.ts';
