export { askHere } from './ask-here.ts';
export { isListening } from './is-listening.ts';
export { createSdkFetch } from './sdk-fetch.ts';
