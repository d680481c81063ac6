export { replicationType } from './contract.ts';
export { ensureHomeReplication, ensureHomeReplications, replicationHandlers } from './handlers.ts';
