import type { ResourceType } from './declare.ts';

type Json = Record<string, unknown>;
export type PathItem = Json;

const parameter = (name: string, where: string, description: string, more: Json = {}): Json => ({
  name,
  in: where,
  description,
  ...(where === 'path' && { required: true }),
  schema: { type: 'string' },
  ...more,
});

/** Parameters that many paths have. */
export const parameters: Json = {
  apiVersion: parameter('api-version', 'query', 'Version of the resource type; its error lists those there are.', {
    required: true,
  }),
  subscriptionId: parameter('subscriptionId', 'path', 'There is one: 00000000-0000-0000-0000-000000000001.'),
  resourceGroupName: parameter('resourceGroupName', 'path', 'There is one: bonded.'),
  scope: parameter('scope', 'path', 'Id of what is extended: a subscription, a group, a registry, a repository.'),
  ifMatch: parameter('If-Match', 'header', 'ETags of which the resource must have one; * where it must be there.'),
  ifNoneMatch: parameter('If-None-Match', 'header', '* where there must be none yet.'),
};

const header = (description: string): Json => ({ description, schema: { type: 'string' } });

/** Answers that many operations have. */
export const standardAnswers: Json = {
  Error: {
    description: 'Refused.',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  },
  Accepted: {
    description: 'Goes on after the answer.',
    headers: {
      'Azure-AsyncOperation': header('Where its status is told.'),
      Location: header('Where its result will be.'),
      'Retry-After': header('After how many seconds to look again.'),
    },
  },
};

const common = (...names: string[]): Json[] =>
  ['apiVersion', ...names].map((name) => ({ $ref: `#/components/parameters/${name}` }));

const group = '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}';

/** Paths of a type, and the parameters in the path of one resource, its own name last. */
export function placeOf({ namespace, path, scope }: ResourceType): { collection: string; item: string; names: Json[] } {
  const words = path.split('/');
  const own = words.map((word) => `${singular(word)}Name`);
  const below = words.map((word, index) => `${word}/{${own[index]}}`).join('/');
  const item = `${scope === 'extension' ? '/{scope}' : group}/providers/${namespace}/${below}`;
  const outer = scope === 'extension' ? common('scope') : common('subscriptionId', 'resourceGroupName');
  return {
    item,
    collection: item.slice(0, item.lastIndexOf('/')),
    names: [...outer, ...own.map((name) => parameter(name, 'path', 'Its name.'))],
  };
}

/** `registries` → `registry`. */
function singular(word: string): string {
  return word.endsWith('ies') ? `${word.slice(0, -3)}y` : word.replace(/s$/, '');
}

/** The subscription and the group. */
export function scopePaths(): Record<string, PathItem> {
  const shown = (id: string, summary: string, permission: string): Json => ({
    get: {
      operationId: id,
      tags: ['Microsoft.Resources'],
      summary,
      'x-permission': permission,
      responses: {
        200: { description: 'It.', content: { 'application/json': { schema: { type: 'object' } } } },
        default: { $ref: '#/components/responses/Error' },
      },
    },
  });
  const subscription = 'Microsoft.Resources/subscriptions/read';
  const groups = 'Microsoft.Resources/subscriptions/resourceGroups/read';
  return {
    '/subscriptions': { parameters: common(), ...shown('Subscriptions_list', 'The one subscription.', subscription) },
    '/subscriptions/{subscriptionId}': {
      parameters: common('subscriptionId'),
      ...shown('Subscriptions_get', 'The one subscription.', subscription),
    },
    '/subscriptions/{subscriptionId}/resourceGroups': {
      parameters: common('subscriptionId'),
      ...shown('ResourceGroups_list', 'The one group.', groups),
    },
    [group]: {
      parameters: common('subscriptionId', 'resourceGroupName'),
      ...shown('ResourceGroups_get', 'The one group.', groups),
    },
  };
}
