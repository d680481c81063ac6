import { posix } from 'node:path';
import { type Import, readSource, type Source } from './source.ts';

/** The files of `src/`, by their paths below it. */
export type Tree = ReadonlyMap<string, Source>;

/** `where` is `src/<path>:<line>`. */
export interface Violation {
  where: string;
  what: string;
}

export type Rule = (tree: Tree) => Violation[];

export function treeOf(files: Record<string, string>): Tree {
  return new Map(Object.entries(files).map(([path, text]) => [path, readSource(text)]));
}

/** Tests, contract suites of ports, and doubles for tests lie beside the source and are no part of the product. */
export function isTest(path: string): boolean {
  return /\.(?:test|contract|double)\.tsx?$/.test(path);
}

export function production(tree: Tree): [string, Source][] {
  return [...tree].filter(([path]) => !isTest(path));
}

/** `catalog` for `catalog/tags.ts`; for a file of `src/` itself its name without extension. */
export function folderOf(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? path.replace(/\.tsx?$/, '') : path.slice(0, slash);
}

/** The path below `src/` that a relative import means; undefined for packages. May begin with `../`. */
export function targetOf(importer: string, { specifier }: Import): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return posix.normalize(posix.join(posix.dirname(importer), specifier));
}

export function at(path: string, line: number): string {
  return `src/${path}:${line}`;
}
