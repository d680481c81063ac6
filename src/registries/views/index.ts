export { manifestType, repositoryType, tagType, viewTypes } from './contract.ts';
export { viewHandlers } from './handlers.ts';
