import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type DoubleEntry, readEntries } from './archive.double.ts';
import { mergeLayers } from './index.ts';
import type { Reader } from './reader.ts';

/*
 * Layers are merged beside a model that unpacks them one upon the other, as engines do (OCI image-spec, layer.md), into a
 * tree of directories, and then looks at every file that is left.
 */

/** Files whose name ends so have a package in each line: `name version`. */
const listReader: Reader = {
  name: 'list',
  wants: (path) => path.endsWith('.list'),
  read: (_path, bytes) => ({
    packages: Buffer.from(bytes)
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((line) => ({ type: 'npm', name: line.split(' ')[0]!, version: line.split(' ')[1]! })),
  }),
};

/** Package to the layer in which it came; none of a file without packages, and of whatever is no file. */
type Leaf = Map<string, number>;
type Tree = Map<string, Tree | { leaf: Leaf }>;

type Change =
  | { kind: 'list'; path: string[]; packages: string[] }
  | { kind: 'file' | 'symlink' | 'directory' | 'whiteout' | 'opaque'; path: string[] };

const segment = fc.constantFrom('a', 'b', 'c.list');
const path = fc.array(segment, { minLength: 1, maxLength: 3 });
const packages = fc.subarray(['p 1', 'p 2', 'q 1', 'r 1'], { minLength: 1 });
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('list' as const),
      path: path.map((one) => [...one.slice(0, 2), 'c.list']),
      packages,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('file', 'symlink', 'directory', 'whiteout', 'opaque'), path }),
  },
);

/** No layer has something below what is no directory, and nothing twice. */
const layer = fc.array(change, { maxLength: 6 }).map((changes) => {
  const kept: Change[] = [];
  for (const one of changes) {
    if (kept.every((other) => isMarker(one) || isMarker(other) || areApart(one, other))) kept.push(one);
  }
  return kept;
});

function isMarker({ kind }: Change): boolean {
  return kind === 'whiteout' || kind === 'opaque';
}

function areApart(a: Change, b: Change): boolean {
  const [short, long] = a.path.length <= b.path.length ? [a, b] : [b, a];
  const below = short.path.every((one, at) => one === long.path[at]);
  return !below || (short.kind === 'directory' && short.path.length < long.path.length);
}

function entryOf(one: Change): DoubleEntry {
  const name = one.path.join('/');
  const directory = one.path
    .slice(0, -1)
    .map((part) => `${part}/`)
    .join('');
  switch (one.kind) {
    case 'list':
      return { name, content: one.packages.join('\n') };
    case 'file':
      return { name: one.path.at(-1) === 'c.list' ? `${directory}c.list` : name, content: '' };
    case 'symlink':
      return { name, type: '2', link: 'elsewhere' };
    case 'directory':
      return { name: `${name}/` };
    case 'whiteout':
      return { name: `${directory}.wh.${one.path.at(-1)}` };
    case 'opaque':
      return { name: `${name}/.wh..wh..opq` };
  }
}

/** The directory at a path, made where it is missing, in place of whatever is there. */
function directoryAt(root: Tree, at: readonly string[]): Tree {
  let tree = root;
  for (const part of at) {
    const next = tree.get(part);
    if (next instanceof Map) tree = next;
    else {
      const made: Tree = new Map();
      tree.set(part, made);
      tree = made;
    }
  }
  return tree;
}

function lookUp(root: Tree, at: readonly string[]): Tree | { leaf: Leaf } | undefined {
  let node: Tree | { leaf: Leaf } | undefined = root;
  for (const part of at) node = node instanceof Map ? node.get(part) : undefined;
  return node;
}

function unpack(root: Tree, changes: readonly Change[], index: number): void {
  const before = structuredClone(root);
  // What a layer removes is of those below it, wherever in the layer it says so; it is in a directory, which is made.
  for (const { kind, path: at } of changes) {
    if (kind === 'whiteout') directoryAt(root, at.slice(0, -1)).delete(at.at(-1)!);
    if (kind === 'opaque') directoryAt(root, at).clear();
  }
  for (const one of changes) {
    if (isMarker(one)) continue;
    if (one.kind === 'directory') {
      directoryAt(root, one.path);
      continue;
    }
    const lines = one.kind === 'list' ? one.packages : [];
    const lower = lookUp(before, one.path);
    const known: Leaf = lower && 'leaf' in lower ? lower.leaf : new Map();
    const leaf = new Map(lines.map((line) => [line, known.get(line) ?? index]));
    directoryAt(root, one.path.slice(0, -1)).set(one.path.at(-1)!, { leaf });
  }
}

function* filesOf(tree: Tree, above = ''): Generator<[path: string, leaf: Leaf]> {
  for (const [name, node] of tree) {
    if (node instanceof Map) yield* filesOf(node, `${above}${name}/`);
    else yield [`${above}${name}`, node.leaf];
  }
}

test('property: merged layers have what unpacking them one upon the other leaves, from the layer in which it came', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 5 }), async (layers) => {
      const root: Tree = new Map();
      layers.forEach((changes, index) => unpack(root, changes, index));
      const expected = [...filesOf(root)].flatMap(([at, leaf]) =>
        [...leaf].map(([line, index]) => `${at}: ${line} of ${index}`),
      );
      const inventories = await Promise.all(
        layers.map((changes) => readEntries(changes.map(entryOf), { readers: [listReader] })),
      );
      const digest = `sha256:${'0'.repeat(64)}` as const;
      const image = mergeLayers(inventories.map((inventory) => ({ digest, inventory })));
      const merged = image.components.map(
        (one) => `${one.path}: ${one.installedName} ${one.installedVersion} of ${one.layerIndex}`,
      );
      expect(merged.toSorted()).toEqual(expected.toSorted());
      expect(image.partial).toBe(false);
    }),
    { numRuns: Number(process.env['BONDED_TEST_RUNS'] ?? 300) },
  );
});
