import { z } from 'zod';
import { type TagMutability, tagMutabilityModes } from '../catalog/index.ts';

/** ECR's `imageTagMutabilityExclusionFilter`: at most two wildcards, as many characters as a tag has. */
const exclusionFilter = z.object({
  filterType: z.enum(['WILDCARD']).default('WILDCARD'),
  filter: z
    .string()
    .regex(/^[0-9a-zA-Z._*-]{1,128}$/, 'must be up to 128 letters, digits, . _ - and *')
    .refine((filter) => filter.split('*').length <= 3, { message: 'must have at most two *' }),
});

/** ECR's `imageTagMutability` with its filters (acr §4.6). */
export const tagImmutability = z
  .object({
    mode: z.enum(tagMutabilityModes),
    exclusionFilters: z
      .array(exclusionFilter)
      .max(5)
      .default([])
      .describe('Tags to which the opposite applies. `*` stands for any characters.'),
  })
  .refine(({ mode, exclusionFilters }) => mode.endsWith('_WITH_EXCLUSION') === exclusionFilters.length > 0, {
    message: 'must have exclusionFilters if the mode ends in _WITH_EXCLUSION, and none ([]) if it does not',
  });

export type TagImmutability = z.output<typeof tagImmutability>;

interface TagPolicies {
  tagImmutability?: TagImmutability | undefined;
  repositoryPolicies?: readonly { repository: string; tagImmutability: TagImmutability }[] | undefined;
}

/**
 * Which tags of a repository may move: what names the repository counts before what names a prefix of it, a longer one
 * before a shorter one, and what is said of the registry last. Undefined where nothing is said, which is as MUTABLE.
 * A look-up for each part of the name, so that it costs nothing beside a push.
 */
export function tagMutabilityOf({
  tagImmutability: usual,
  repositoryPolicies = [],
}: TagPolicies): (repository: string) => TagMutability | undefined {
  const everywhere = usual && mutabilityOf(usual);
  if (repositoryPolicies.length === 0) return () => everywhere;
  const rules = new Map(repositoryPolicies.map((policy) => [policy.repository, mutabilityOf(policy.tagImmutability)]));
  return (repository) => {
    const own = rules.get(repository);
    if (own) return own;
    for (let slash = repository.lastIndexOf('/'); slash > 0; slash = repository.lastIndexOf('/', slash - 1)) {
      const rule = rules.get(`${repository.slice(0, slash)}/*`);
      if (rule) return rule;
    }
    return rules.get('*') ?? everywhere;
  };
}

function mutabilityOf({ mode, exclusionFilters }: TagImmutability): TagMutability {
  return { mode, exclusions: exclusionFilters.map(({ filter }) => filter) };
}
