export { askHere } from './ask-here.ts';
export { isListening } from './is-listening.ts';
export {
  createSdkCollector,
  createSdkFetch,
  type SdkFetch,
  type SdkFetchOptions,
  type SignedRequest,
} from './sdk-fetch.ts';
