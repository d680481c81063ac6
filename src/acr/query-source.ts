import { isListed, type ManifestRow, manifestRows, manifestRowsOf, type Repository } from '../catalog/index.ts';
import { type Digest, parseDigest } from '../oci/index.ts';
import type { Batch, Bound, Budget, Place, Row, Source } from '../query/index.ts';
import type { Attributes } from './exchange.ts';
import { columnNumber, looksOf, manifestColumns } from './query-columns.ts';
import { lookUp } from './query-look-up.ts';

/** Rows of the first batch and of the others. */
const batches = [100, 500] as const;
/** What a repository counts that is gone into, in rows. */
const repositoryCost = 2;

/** In which order a repository is read: by digest, or by the time of pushes. */
export type ReadOrder = 'name' | 'newest' | 'oldest';

export interface SourceOptions {
  budget: Budget;
  /** What the query says of columns, so that other rows need not be read. */
  bounds: readonly Bound[];
  order: ReadOrder;
  /** Repositories, from one on, in the order of their names. */
  repositories(from: string | undefined): AsyncIterable<Repository>;
}

/**
 * The table `Manifests`: manifests of repositories, without those that no list shows. A place is the name of a repository, a
 * digest in it and the time of its push; the name alone is the end of a repository.
 */
export function createManifestSource(attributes: Attributes, options: SourceOptions): Source {
  const { budget, order } = options;
  const { catalog } = attributes;
  const digests = digestsOf(options.bounds);
  const times = timesOf(options.bounds);
  const known = new Map<string, Repository>();
  /** By the place, which a row keeps whatever becomes of it. */
  const facts = new WeakMap<Place, ManifestRow>();
  let limit: number = batches[0];

  function rowOf(repository: string, manifest: ManifestRow): Row {
    const values = manifestColumns.map((column) => (column.looks ? undefined : column.read(manifest, repository, {})));
    const place: Place = [repository, manifest.digest, manifest.pushedAt];
    facts.set(place, manifest);
    return { place, values, made: [] };
  }

  async function* inRepository(repository: Repository, after: Place | undefined): AsyncGenerator<Batch> {
    const { name } = repository;
    if (digests) {
      const last = String(after?.[1] ?? '');
      const rows = await manifestRowsOf(
        catalog,
        repository,
        digests.filter((digest) => digest > last),
      );
      budget.spend(rows.length);
      yield { rows: rows.filter(isListed).map((row) => rowOf(name, row)), through: [name] };
      return;
    }
    const begins = order === 'newest' ? times.until + 1 : times.from;
    const start = order === 'name' ? { last: '', at: undefined } : { last: '', at: begins };
    // What has come back from a client is any name or number.
    let position = after ? { last: String(after[1]), at: typeof after[2] === 'number' ? after[2] : 0 } : start;
    for (;;) {
      const rows = await manifestRows(catalog, repository, { order, ...position, limit });
      budget.spend(rows.length);
      const wanted = order === 'name' ? rows : rows.filter(({ pushedAt: at }) => at >= times.from && at <= times.until);
      const last = rows.at(-1);
      const isEnd = rows.length < limit || wanted.at(-1) !== last;
      limit = batches[1];
      if (last) position = { last: last.digest, at: last.pushedAt };
      const through: Place = isEnd || !last ? [name] : [name, last.digest, last.pushedAt];
      yield { rows: wanted.filter(isListed).map((row) => rowOf(name, row)), through };
      if (isEnd) return;
      await budget.rest();
    }
  }

  async function* read(after: Place | undefined): AsyncGenerator<Batch> {
    const [from, ...inside] = after ?? [];
    for await (const repository of options.repositories(from === undefined ? undefined : String(from))) {
      const isSame = repository.name === from;
      if (isSame && inside.length === 0) continue;
      known.set(repository.name, repository);
      budget.spend(repositoryCost);
      yield* inRepository(repository, isSame ? after : undefined);
      await budget.rest();
    }
  }

  return {
    read,
    costOf(column) {
      const { looks } = manifestColumns[column]!;
      return looks === undefined ? 0 : looks === 'platforms' ? 2 : 1;
    },
    async load(rows, columns) {
      const wanted = [...columns].filter((column) => manifestColumns[column]!.looks);
      const lacking = rows.filter(({ values }) => wanted.some((column) => values[column] === undefined));
      for (const [name, some] of Map.groupBy(lacking, ({ place }) => String(place![0]))) {
        const repository = known.get(name)!;
        const manifests = some.map(({ place }) => facts.get(place!)!);
        const found = await lookUp(attributes, repository, manifests, looksOf(wanted), budget);
        for (const [n, { values }] of some.entries())
          for (const column of wanted) values[column] = manifestColumns[column]!.read(manifests[n]!, name, found);
      }
    },
  };
}

/** The digests that a row must have one of; undefined where nothing says so. What is none is nowhere. */
function digestsOf(bounds: readonly Bound[]): Digest[] | undefined {
  const column = columnNumber('digest');
  const said = bounds.find((bound) => bound.column === column && bound.how === '==');
  return said?.values.flatMap((value) => (typeof value === 'string' ? (parseDigest(value) ?? []) : []));
}

/** From when until when (ms, both included) pushes matter. */
function timesOf(bounds: readonly Bound[]): { from: number; until: number } {
  const column = columnNumber('createdAt');
  let [from, until] = [0, Number.MAX_SAFE_INTEGER - 1];
  for (const { column: of, how, values } of bounds) {
    const numbers = of === column ? values.filter((value) => typeof value === 'number') : [];
    if (numbers.length === 0) continue;
    if (how !== '<' && how !== '<=') from = Math.max(from, Math.floor(Math.min(...numbers)));
    if (how !== '>' && how !== '>=') until = Math.min(until, Math.ceil(Math.max(...numbers)));
  }
  return { from, until };
}
