import { languageReaders } from './languages/index.ts';
import type { Reader } from './reader.ts';
import { systemReaders } from './systems/index.ts';

/** Every reader, in the order in which they are asked for a file. */
export const readers: readonly Reader[] = [...systemReaders, ...languageReaders];
