export { askHere } from './ask-here.ts';
export { isListening } from './is-listening.ts';
export { createSdkCollector, createSdkFetch } from './sdk-fetch.ts';
