import { z } from 'zod';
import { apiVersions, resourceType } from '../../operations/index.ts';

/*
 * What is in a registry as resources, to be read: for consoles, and for tools that know ids and nothing else.
 *
 *   REGISTRY/repositories/team%2Fapp                    a name is one segment, with its slashes encoded
 *   REGISTRY/repositories/team%2Fapp/tags/v1
 *   REGISTRY/repositories/team%2Fapp/manifests/sha256%3A…
 *
 * They say what there is, to whom may read the management of a registry; what it contains is for those who may pull. It is
 * written by the distribution API and by /acr/v1 alone.
 */

const time = z.string().describe('RFC 3339.');

const changeableAttributes = z.object({
  deleteEnabled: z.boolean(),
  writeEnabled: z.boolean(),
  readEnabled: z.boolean(),
  listEnabled: z.boolean(),
});

const base = {
  namespace: 'Microsoft.ContainerRegistry',
  apiVersions: apiVersions.containerRegistry,
  properties: z.object({}),
  verbs: ['get', 'list'],
} as const;

export const repositoryType = resourceType({
  ...base,
  path: 'registries/repositories',
  description: 'A repository of a registry, to be read. Its name is one segment: slashes are written %2F.',
  name: { pattern: /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/, says: 'the form of a repository name' },
  readOnly: z.object({
    createdTime: time,
    lastUpdateTime: time.optional().describe('Of one that is read by its name.'),
    manifestCount: z.int().optional().describe('Of one that is read by its name.'),
    tagCount: z.int().optional().describe('Of one that is read by its name.'),
    changeableAttributes: changeableAttributes.optional(),
  }),
});

export const tagType = resourceType({
  ...base,
  path: 'registries/repositories/tags',
  description: 'A tag of a repository, to be read.',
  name: { pattern: /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, says: 'the form of a tag' },
  rightsAt: 'parent',
  readOnly: z.object({ digest: z.string(), createdTime: time, lastUpdateTime: time, changeableAttributes }),
});

export const manifestType = resourceType({
  ...base,
  path: 'registries/repositories/manifests',
  description: 'A manifest of a repository, to be read.',
  name: { pattern: /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/, says: 'the form of a digest' },
  rightsAt: 'parent',
  readOnly: z.object({
    mediaType: z.string(),
    artifactType: z.string().optional(),
    imageSize: z.int().describe('Bytes of the blobs that it names; of an index, its own.'),
    createdTime: time,
    tags: z.array(z.string()),
    references: z.array(z.looseObject({ digest: z.string() })).describe('What an index lists.'),
    changeableAttributes,
  }),
});

export const viewTypes = [repositoryType, tagType, manifestType] as const;
