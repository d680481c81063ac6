import type { Reader } from '../reader.ts';

/** The readers of what distributions install and say of themselves, in the order in which they are asked. */
export const systemReaders: readonly Reader[] = [];
