import type { Check } from '../operations/index.ts';

/** A registry with releases that were pulled of late and that may be changed. */
export interface RegistryReleases {
  name: string;
  resourceId: string;
  loose: readonly { repository: string; tags: readonly string[] }[];
}

/** Days that count. */
export const releaseDays = 30;

/** What of a registry should be locked. */
export const lockChecks: readonly Check<readonly RegistryReleases[]>[] = [
  {
    id: 'unlocked-release',
    severity: 'low',
    title: 'A release that is pulled may be changed',
    why:
      'Whoever may push can point its tag to something else, and whoever may delete can take it away from those who run it. ' +
      'Lock it; or make tags immutable, if all releases of the repository are to stay.',
    look: (registries) =>
      registries.flatMap(({ name, resourceId, loose }) =>
        loose.map(({ repository, tags }) => ({
          resourceId,
          subject: repository,
          problem:
            `In the last ${releaseDays} days clients pulled from ${repository} in the registry ${name} what can be replaced: ` +
            tags.join(', '),
          commands: tags.map((tag) => ['bonded', 'acr', 'lock', '--name', name, '--image', `${repository}:${tag}`]),
        })),
      ),
  },
];
