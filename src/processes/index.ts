export { runWorker } from './run-worker.ts';
export { startWorkers, type Workers } from './start-workers.ts';
