import { operatorProof } from './operator.ts';
import type { FindProof } from './proof.ts';

/** Ways to prove who one is without a person, in the order in which they are tried. */
export const ambient = {
  operator: operatorProof,
} as const satisfies Record<string, FindProof>;

export type AmbientMethod = keyof typeof ambient;
