export * from './digest.ts';
export * from './json-bounds.ts';
export * from './manifest.ts';
export * from './media-types.ts';
export * from './names.ts';
export * from './range.ts';
