import type { Recipe } from '../recipe.ts';
import { debian } from './debian.ts';
import { distroless } from './distroless.ts';
import { go } from './go.ts';
import { java } from './java.ts';
import { node } from './node.ts';
import { python } from './python.ts';

/** The images that are compared, in the order of the document. */
export const recipes: readonly Recipe[] = [debian, distroless, go, node, python, java];
