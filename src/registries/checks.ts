import type { Check } from '../operations/index.ts';
import type { RegistryFacts } from './facts.ts';

/** What speaks against how a registry is set up. */
export const registryChecks: readonly Check<readonly RegistryFacts[]>[] = [
  {
    id: 'admin-user-enabled',
    severity: 'high',
    title: 'The admin user is enabled',
    why:
      'Its two passwords open everything in the registry, expire never, and say of nobody who it was. Give each workload ' +
      'an identity of its own, then disable the admin user.',
    look: (registries) =>
      registries
        .filter(({ adminUserEnabled }) => adminUserEnabled)
        .map(({ name, resourceId }) => ({
          resourceId,
          problem: `The admin user of the registry ${name} is enabled`,
          commands: [['bonded', 'acr', 'update', '--name', name, '--admin-enabled', 'false']],
        })),
  },
  {
    id: 'anonymous-pull',
    severity: 'medium',
    title: 'Everybody may pull everything',
    why:
      'Whoever reaches the registry reads all of it, what is pushed tomorrow included. Name the repositories that are ' +
      'meant for everybody instead.',
    look: (registries) =>
      registries
        .filter(({ anonymousPullEnabled }) => anonymousPullEnabled)
        .map(({ name, resourceId }) => ({
          resourceId,
          problem: `Everybody may pull everything from the registry ${name}`,
          commands: [['bonded', 'acr', 'update', '--name', name, '--anonymous-pull-enabled', 'false']],
        })),
  },
  {
    id: 'anonymous-pull-repositories',
    severity: 'low',
    title: 'Everybody may pull from a repository',
    why: 'What is in it is public to all who reach the registry. That may be meant; otherwise take it off the list.',
    look: (registries) => registries.flatMap(openRepositories),
  },
];

function openRepositories({ name, resourceId, anonymousPullRepositories: open }: RegistryFacts) {
  return open.map((repository) => {
    const rest = open.filter((other) => other !== repository);
    const left = rest.length === 0 ? [''] : rest;
    return {
      resourceId,
      subject: repository,
      // All of a registry by another name.
      ...(repository === '*' && { severity: 'medium' as const }),
      problem: `Everybody may pull ${repository} from the registry ${name}`,
      commands: [['bonded', 'acr', 'update', '--name', name, '--anonymous-pull-repositories', ...left]],
    };
  });
}
