import type { Catalog } from './context.ts';
import { repositoryIds } from './repositories.ts';

/** The ids of the repositories of these names that there are; those of other names may be among them. */
export type RepositoryIds = (registryId: number, names: readonly string[]) => Promise<ReadonlyMap<string, number>>;

/**
 * Looks up at the end of a turn of the event loop, once for all who have asked in it: the nodes of a cluster ask for tokens
 * at the same moment, and for the same. So nobody hears of what was before they asked.
 */
export function shareRepositoryIds(catalog: Catalog): RepositoryIds {
  const turns = new Map<number, { names: Set<string>; ids: Promise<ReadonlyMap<string, number>> }>();

  function begin(registryId: number) {
    const names = new Set<string>();
    const ids = endOfTurn().then(() => {
      turns.delete(registryId);
      return repositoryIds(catalog, registryId, [...names]);
    });
    const turn = { names, ids };
    turns.set(registryId, turn);
    return turn;
  }

  return (registryId, names) => {
    const turn = turns.get(registryId) ?? begin(registryId);
    for (const name of names) turn.names.add(name);
    return turn.ids;
  };
}

const endOfTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
