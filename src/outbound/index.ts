export { type AddressClass } from './address-class.ts';
export { askHere } from './ask-here.ts';
export { awsAuthorization, awsHash, type AwsKey, awsKey, parseAwsAuthorization } from './aws-signature.ts';
export { outboundConfig } from './config.ts';
export { certificateOf } from './certificate.ts';
export { createDirectCaller, type DirectCaller, type DirectRequest } from './direct.ts';
export { isListening } from './is-listening.ts';
export { lookUp } from './look-up.ts';
export {
  createOutbound,
  type Outbound,
  type OutboundAnswer,
  type OutboundOptions,
  type OutboundRequest,
  type Resolve,
  type StreamedAnswer,
  type StreamRequest,
} from './outbound.ts';
export { OutboundError, type OutboundReason } from './outbound-error.ts';
export {
  createSdkCollector,
  createSdkFetch,
  type SdkFetch,
  type SdkFetchOptions,
  type SignedRequest,
} from './sdk-fetch.ts';
