export { askHere } from './ask-here.ts';
export { createSdkFetch } from './sdk-fetch.ts';
