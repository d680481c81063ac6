import type { Reader } from '../reader.ts';

/** The readers of what language ecosystems install, in the order in which they are asked. */
export const languageReaders: readonly Reader[] = [];
