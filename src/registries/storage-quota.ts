import { z } from 'zod';
import { patternCovers } from '../access/index.ts';
import { repositoryPattern } from './repository-pattern.ts';

const bytes = z.int().min(0);

/** How much a registry, and each of its repositories, may store. */
export const storageQuota = z
  .strictObject({
    limitBytes: bytes.optional().describe('For the registry as a whole; without it the limit of its tier holds.'),
    repositories: z
      .array(z.strictObject({ repository: repositoryPattern, limitBytes: bytes }))
      .max(100)
      .optional()
      .describe(
        'For repositories, each by itself: of those that name it, by its name, PREFIX/* or *, the first counts.',
      ),
  })
  .optional()
  .describe('How much may be stored. What is pushed beyond it is refused.');

export type StorageQuota = NonNullable<z.output<typeof storageQuota>>;

/** The limit of a repository (bytes); undefined where none names it. */
export function repositoryLimit(
  { repositories = [] }: StorageQuota,
  name: string,
): { repository: string; limitBytes: number } | undefined {
  return repositories.find(({ repository }) => patternCovers(repository, name));
}
