import { z } from 'zod';
import { topShape } from './content.ts';
import { type ManagementAction, permissionOf, type ProviderAction, type ResourceType } from './declare.ts';
import { parameters, type PathItem, placeOf, scopePaths, standardAnswers } from './open-api-parts.ts';

type Json = Record<string, unknown>;

export interface OpenApiInput {
  version: string;
  types: readonly ResourceType[];
  providerActions: readonly ProviderAction[];
}

/** The OpenAPI 3.1 document of the management API: the same declarations, the same document. */
export function openApiDocument({ version, types, providerActions }: OpenApiInput): Json {
  const paths: Record<string, PathItem> = scopePaths();
  const schemas: Record<string, Json> = {};
  for (const type of types) {
    addSchemas(schemas, type);
    addPaths(paths, type);
  }
  for (const action of providerActions) addProviderAction(paths, action);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Bonded management API',
      version,
      description: 'Resources as Azure Resource Manager has them. Generated from their declarations.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearer: [] }],
    paths: sorted(paths),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      parameters,
      responses: standardAnswers,
      schemas: sorted({ ...schemas, Error: errorSchema }),
    },
  };
}

const errorSchema = schemaOf(
  z.object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      target: z.string().optional(),
      details: z.array(z.object({ code: z.string(), message: z.string(), target: z.string().optional() })).optional(),
    }),
  }),
  'output',
);

/** `registries/tokens` → `RegistriesTokens`. */
function nameOf({ path }: ResourceType): string {
  return path
    .split('/')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('');
}

function addSchemas(schemas: Record<string, Json>, type: ResourceType): void {
  const name = nameOf(type);
  const content = z.object({ ...topShape(type), properties: type.properties });
  const shown = z.object({
    id: z.string(),
    name: z.string(),
    type: z.literal(type.type),
    ...topShape(type),
    properties: type.properties.extend(type.readOnly.partial().shape),
    etag: z.string(),
  });
  schemas[name] = withReadOnly(schemaOf(shown, 'output'), Object.keys(type.readOnly.shape));
  if (type.verbs.includes('put')) schemas[`${name}Content`] = schemaOf(content, 'input');
  if (type.verbs.includes('patch')) schemas[`${name}Patch`] = asPatch(schemaOf(content, 'input')) as Json;
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

function withReadOnly(schema: Json, names: readonly string[]): Json {
  const properties = (schema['properties'] as Record<string, Json>)['properties']!['properties'] as Record<
    string,
    Json
  >;
  for (const name of names) properties[name] = { ...properties[name], readOnly: true };
  return schema;
}

/** In a merge patch nothing is required and nothing has a default. */
function asPatch(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asPatch);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) => !(key === 'required' && Array.isArray(value)) && key !== 'default',
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, asPatch(value)]));
}

function addPaths(paths: Record<string, PathItem>, type: ResourceType): void {
  const { collection, item, names } = placeOf(type);
  const name = nameOf(type);
  const { read, write, delete: remove } = type.permissions;
  const shown = { content: { 'application/json': { schema: ref(name) } } };
  const operation = (verb: string, permission: string, summary: string, more: Json): Json => ({
    operationId: `${name}_${verb}`,
    tags: [type.type],
    summary,
    'x-permission': permission,
    ...(type.longRunning.some((one) => one === verb) && { 'x-ms-long-running-operation': true }),
    ...more,
  });
  const answers = (own: Json): Json => ({ responses: { ...own, default: { $ref: '#/components/responses/Error' } } });
  const takes = (schema: string): Json => ({
    requestBody: { required: true, content: { 'application/json': { schema: ref(schema) } } },
  });
  const conditions = [{ $ref: '#/components/parameters/ifMatch' }, { $ref: '#/components/parameters/ifNoneMatch' }];
  const has = (verb: ResourceType['verbs'][number]) => type.verbs.includes(verb);
  const later = { 202: { $ref: '#/components/responses/Accepted' } };

  const one: Json = {
    ...(has('get') && {
      get: operation('get', read, type.description, answers({ 200: { description: 'It.', ...shown } })),
    }),
    ...(has('put') && {
      put: operation('put', write, 'Creates or replaces it.', {
        parameters: conditions,
        ...takes(`${name}Content`),
        ...answers({ 200: { description: 'Replaced.', ...shown }, 201: { description: 'Created.', ...shown } }),
      }),
    }),
    ...(has('patch') && {
      patch: operation('patch', write, 'Changes it (JSON Merge Patch).', {
        parameters: conditions.slice(0, 1),
        ...takes(`${name}Patch`),
        ...answers({ 200: { description: 'Changed.', ...shown } }),
      }),
    }),
    ...(has('delete') && {
      delete: operation('delete', remove, 'Deletes it with all that lies in it.', {
        parameters: conditions.slice(0, 1),
        ...answers({
          200: { description: 'Deleted.' },
          ...(type.longRunning.includes('delete') && later),
          204: { description: 'There was none.' },
        }),
      }),
    }),
  };
  paths[item] = { parameters: names, ...one };
  if (has('list')) {
    const page = {
      type: 'object',
      properties: { value: { type: 'array', items: ref(name) }, nextLink: { type: 'string' } },
    };
    const listed = { 200: { description: 'A page.', content: { 'application/json': { schema: page } } } };
    const list = operation('list', read, 'Those of a scope, a hundred at a time.', answers(listed));
    paths[collection] = { parameters: names.slice(0, -1), get: list };
  }
  for (const [word, action] of Object.entries(type.actions)) {
    paths[`${item}/${word}`] = {
      parameters: names,
      [action.method.toLowerCase()]: actionOperation(
        `${name}_${word}`,
        type.type,
        permissionOf(type.type, word, action),
        action,
      ),
    };
  }
}

function addProviderAction(paths: Record<string, PathItem>, action: ProviderAction): void {
  const { namespace, name, level } = action;
  const scope = {
    tenant: '',
    subscription: '/subscriptions/{subscriptionId}',
    group: '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}',
  }[level];
  const names = [
    'apiVersion',
    ...(level === 'tenant' ? [] : ['subscriptionId']),
    ...(level === 'group' ? ['resourceGroupName'] : []),
  ];
  paths[`${scope}/providers/${namespace}/${name}`] = {
    parameters: names.map((parameter) => ({ $ref: `#/components/parameters/${parameter}` })),
    [action.method.toLowerCase()]: actionOperation(name, namespace, permissionOf(namespace, name, action), action),
  };
}

function actionOperation(id: string, tag: string, permission: string, action: ManagementAction): Json {
  const { description, input, output, longRunning } = action;
  const content = (schema: z.ZodType, io: 'input' | 'output') => ({
    'application/json': { schema: schemaOf(schema, io) },
  });
  return {
    operationId: id,
    tags: [tag],
    summary: description,
    'x-permission': permission,
    ...(longRunning && { 'x-ms-long-running-operation': true }),
    ...(input && { requestBody: { content: content(input, 'input') } }),
    responses: {
      200: { description: 'Done.', ...(output && { content: content(output, 'output') }) },
      ...(longRunning && { 202: { $ref: '#/components/responses/Accepted' } }),
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
