import { rankOf, rootFiles } from './ranks.ts';
import { at, folderOf, isTest, production, type Rule, targetOf, type Tree, type Violation } from './tree.ts';

export const knownPlaces: Rule = (tree) =>
  [...tree.keys()]
    .filter((path) => (path.includes('/') ? !rankOf(folderOf(path)) : !rootFiles.includes(path)))
    .map((path) => ({ where: at(path, 1), what: 'is in no place that the table of ranks knows' }));

export const downward: Rule = (tree) =>
  links(tree).flatMap(({ path, target, line }) => {
    const from = folderOf(path);
    const to = folderOf(target);
    const [above, below] = [rankOf(from), rankOf(to)];
    if (from === to || !above || !below || below.order < above.order) return [];
    const relation = below.order === above.order ? 'beside' : 'above';
    return [
      { where: at(path, line), what: `${from} (rank ${above.name}) imports ${to} (${below.name}) ${relation} it` },
    ];
  });

/**
 * Folders are entered by `index.ts`, or by `contract.ts`, the pure part. Tables are declared by augmenting the one
 * empty interface of `database/tables.ts`, which only its own path can name.
 */
export const frontDoors: Rule = (tree) =>
  links(tree).flatMap(({ path, target, line, kind }) => {
    if (folderOf(path) === folderOf(target) || !target.includes('/')) return [];
    if (/^[^/]+\/(?:index|contract)\.ts$/.test(target)) return [];
    if (kind === 'augment' && target === 'database/tables.ts' && path.endsWith('/tables.ts')) return [];
    return [{ where: at(path, line), what: `imports ${target} past the front door of ${folderOf(target)}` }];
  });

export const insideOnly: Rule = (tree) =>
  production(tree).flatMap(([path, source]) =>
    source.imports.flatMap((one): Violation[] => {
      const target = targetOf(path, one);
      if (target === undefined) return [];
      if (isTest(target))
        return [{ where: at(path, one.line), what: `production code imports the test file ${target}` }];
      if (!target.startsWith('../')) {
        return tree.has(target) ? [] : [{ where: at(path, one.line), what: `imports ${target}, which does not exist` }];
      }
      if (target === '../package.json' && path === 'main.ts') return [];
      return [{ where: at(path, one.line), what: `imports ${one.specifier}, which is outside src` }];
    }),
  );

/** Types count too: two files that need each other's types are one thought. */
export const acyclic: Rule = (tree) => {
  const edges = new Map<string, Set<string>>();
  for (const { path, target, kind } of links(tree)) {
    if (kind === 'import' || kind === 'dynamic') edges.set(path, (edges.get(path) ?? new Set()).add(target));
  }
  const done = new Set<string>();
  const found = new Map<string, Violation>();
  const visit = (path: string, trail: string[]) => {
    const from = trail.indexOf(path);
    if (from >= 0) {
      const circle = trail.slice(from);
      const key = circle.toSorted().join();
      if (!found.has(key))
        found.set(key, { where: at(path, 1), what: `imports itself: ${[...circle, path].join(' > ')}` });
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return [...found.values()];
};

/** Packages that one folder hides from the others. */
const packageOwners: Record<string, readonly string[]> = {
  'bun:sqlite': ['database'],
  pg: ['database'],
  pino: ['telemetry'],
  'prom-client': ['telemetry'],
  yaml: ['config', 'cli'],
  '@jmespath-community/jmespath': ['cli'],
  '@clack/prompts': ['cli'],
  hono: ['http'],
  '@stricli/core': ['cli', 'commands', 'main'],
};

export const ownedPackages: Rule = (tree) =>
  production(tree).flatMap(([path, source]) =>
    source.imports.flatMap(({ specifier, line }) => {
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      const owners = packageOwners[name];
      if (!owners || owners.includes(folderOf(path))) return [];
      return [{ where: at(path, line), what: `imports ${name}, which belongs to ${owners.join(', ')}` }];
    }),
  );

function links(tree: Tree) {
  return production(tree).flatMap(([path, source]) =>
    source.imports.flatMap((one) => {
      const target = targetOf(path, one);
      return target === undefined || target.startsWith('../') ? [] : [{ path, target, line: one.line, kind: one.kind }];
    }),
  );
}
