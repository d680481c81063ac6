import { sizes, names } from './files.ts';
import { ownedReaches } from './globals.ts';
import { acyclic, downward, frontDoors, insideOnly, knownPlaces, ownedPackages } from './imports.ts';
import { tableOwners } from './tables.ts';
import type { Rule } from './tree.ts';

export { treeOf } from './tree.ts';

/** The rules of the house, each by the sentence that a violation breaks. */
export const rules: Record<string, Rule> = {
  'every file is in a place that the table of ranks knows': knownPlaces,
  'imports go strictly downward': downward,
  'folders are entered by their front door': frontDoors,
  'production code imports neither tests nor what lies outside src': insideOnly,
  'no file imports itself, not even by way of others': acyclic,
  'a package that one folder hides is imported there alone': ownedPackages,
  'the environment, HTTP servers and outgoing calls have one place each': ownedReaches,
  'files are small': sizes,
  'names say what is inside': names,
  'a table is named by its owner alone': tableOwners,
};
