import { maxVersionLength } from './sort-key.ts';

/** Most versions of a generation, and the longest of them: what images have can fill some 10 MB for each scheme. */
const generation = 20_000;
const longestKept = 64;

/**
 * A parser of versions that remembers what it made: advisories ask for the same few thousand again and again. In two
 * generations: when the young one is full, the old one is forgotten. Long versions are cut, and not kept.
 */
export function remembered<Parsed>(parse: (version: string) => Parsed): (version: string) => Parsed {
  let young = new Map<string, Parsed>();
  let old = new Map<string, Parsed>();
  return (version) => {
    let parsed = young.get(version);
    if (parsed !== undefined) return parsed;
    if (version.length > longestKept) return parse(version.slice(0, maxVersionLength));
    parsed = old.get(version) ?? parse(version);
    if (young.size >= generation) {
      old = young;
      young = new Map();
    }
    young.set(version, parsed);
    return parsed;
  };
}
