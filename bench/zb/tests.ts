import type { Mix } from './mix.ts';
import type { Size } from './sizes.ts';

export interface ZbTest {
  name: string;
  /** What a request is; of several, by their part of all requests. */
  kinds: Mix<Kind>;
  sizes: Mix<Size>;
}

export type Kind = 'catalog' | 'push monolith' | 'push chunk' | 'pull';

const mixed: Mix<Size> = { '1MB': 0.2, '10MB': 0.7, '100MB': 0.1 };
const thirds: Mix<Size> = { '1MB': 0.33, '10MB': 0.33, '100MB': 0.33 };
const each = ['1MB', '10MB', '100MB'] as const;

/** The tests of zb by their names, but for its two of a registry that fetches from another on demand. */
export const tests: readonly ZbTest[] = [
  // Of the images that are there to be listed.
  { name: 'Get Catalog', kinds: { catalog: 1 }, sizes: { '1MB': 0.7, '10MB': 0.2, '100MB': 0.1 } },
  ...each.map((size) => ({ name: `Push Monolith ${size}`, kinds: { 'push monolith': 1 }, sizes: { [size]: 1 } })),
  ...each.map((size) => ({ name: `Push Chunk Streamed ${size}`, kinds: { 'push chunk': 1 }, sizes: { [size]: 1 } })),
  ...each.map((size) => ({ name: `Pull ${size}`, kinds: { pull: 1 }, sizes: { [size]: 1 } })),
  { name: 'Pull Mixed 20% 1MB, 70% 10MB, 10% 100MB', kinds: { pull: 1 }, sizes: mixed },
  { name: 'Push Monolith Mixed 20% 1MB, 70% 10MB, 10% 100MB', kinds: { 'push monolith': 1 }, sizes: mixed },
  { name: 'Push Chunk Mixed 33% 1MB, 33% 10MB, 33% 100MB', kinds: { 'push chunk': 1 }, sizes: thirds },
  ...each.map((size) => ({
    name: `Pull 75% and Push 25% Mixed ${size}`,
    kinds: { pull: 0.75, 'push monolith': 0.25 },
    sizes: { [size]: 1 },
  })),
];
