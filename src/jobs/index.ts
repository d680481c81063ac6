export { type PeriodicWork, startPeriodic } from './periodic.ts';
