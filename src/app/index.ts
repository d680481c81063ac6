export { providerActions, resourceTypes } from './resource-types.ts';
export { type App, startApp, type Worker } from './start.ts';
export { type Facts, openFacts, openStorage, openUploads, prepareStorage, type Storage } from './storage.ts';
