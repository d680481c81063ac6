export { type App, startApp } from './start.ts';
export { type Facts, openFacts, openStorage, openUploads, type Storage } from './storage.ts';
