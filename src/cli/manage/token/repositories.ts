import { UsageError } from '../../failure.ts';

/** The words of one `--repository REPOSITORY ACTION…`. */
type Named = readonly string[];

/** The actions of a scope map, as `repositories/team/app/content/read`. Throws UsageError where the actions are missing. */
export function actionsOf(flag: string, given: readonly Named[] | undefined): string[] {
  return (given ?? []).flatMap(([repository, ...actions]) => {
    if (repository === undefined || actions.length === 0) {
      throw new UsageError(
        `${flag}: write the repository and what may be done: ${flag} team/app content/read content/write`,
      );
    }
    return actions.map((action) => `repositories/${repository}/${action}`);
  });
}

/** What is left of actions without those; a repository without actions goes as a whole. */
export function without(actions: readonly string[], given: readonly Named[] | undefined): string[] {
  const gone = new Set(
    (given ?? []).flatMap(([repository, ...named]) => {
      if (named.length > 0) return named.map((action) => `repositories/${repository}/${action}`);
      return actions.filter((action) => action.replace(/\/[a-z]+\/[a-z]+$/, '') === `repositories/${repository}`);
    }),
  );
  return actions.filter((action) => !gone.has(action));
}
