import type { Check, Finding } from '../operations/index.ts';

/** A registry, or a repository of one, whose storage is limited. */
export interface LimitedStorage {
  /** ARM id of the registry. */
  resourceId: string;
  registry: string;
  /** Undefined where the registry as a whole is meant. */
  repository: string | undefined;
  /** Bytes. */
  used: number;
  limit: number;
  /** The commands that raise the limit. */
  raise: Finding['commands'];
}

/** From which part of a limit on it is worth a word, and a loud one. */
const [some, most] = [0.8, 0.95];

/** What has little room left. */
export const storageChecks: readonly Check<readonly LimitedStorage[]>[] = [
  {
    id: 'storage-nearly-full',
    severity: 'medium',
    title: 'A storage limit is nearly reached',
    why:
      'Pushes are refused once it is. Delete what is no longer needed, which frees its bytes when it is collected, or ' +
      'raise the limit; bonded acr usage repositories shows what takes up most.',
    look: (all) => all.filter(({ used, limit }) => used >= limit * some).map(findingOf),
  },
];

function findingOf({ resourceId, registry, repository, used, limit, raise }: LimitedStorage): Finding {
  const percent = limit === 0 ? 100 : Math.floor((used / limit) * 100);
  const what = repository === undefined ? `The registry ${registry}` : `The repository ${repository} of ${registry}`;
  return {
    resourceId,
    ...(repository !== undefined && { subject: repository }),
    ...(used >= limit * most && { severity: 'high' as const }),
    problem: `${what} has ${percent} % of its storage limit in use`,
    commands: raise,
  };
}
