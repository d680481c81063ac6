export type { Descriptor } from './descriptor.ts';
export * from './digest.ts';
export * from './manifest.ts';
export { type JsonShape, jsonShape, maxJsonDepth, maxJsonKeys } from './json-bounds.ts';
export { maxManifestBytes } from './manifest-json.ts';
export * from './media-types.ts';
export * from './names.ts';
export { type Platform, platformOfConfig, platformsOf } from './platform.ts';
export * from './range.ts';
