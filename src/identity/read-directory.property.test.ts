import { expect, test } from 'bun:test';
import {
  assert,
  anything,
  array,
  constantFrom,
  dictionary,
  oneof,
  option,
  property,
  record,
  string,
  tuple,
} from 'fast-check';
import { registryScope } from '../../test/support/people.ts';
import { groupScope, parseArmId } from '../operations/index.ts';
import { registryType } from '../registries/index.ts';
import type { Mirror, Resource } from '../resources/index.ts';
import { anonymousCaller } from './authenticate.ts';
import { readDirectory } from './read-directory.ts';
import { rightsOf } from './rights.ts';

const runs = Math.ceil(Number(process.env['BONDED_TEST_RUNS'] ?? 2000) / 10);

const types: Record<string, string> = {
  'Microsoft.ContainerRegistry/registries': registryScope,
  'Microsoft.ManagedIdentity/userAssignedIdentities': `${groupScope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one`,
  'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials': `${groupScope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one/federatedIdentityCredentials/main`,
  'Microsoft.Authorization/roleDefinitions': `${registryScope}/providers/Microsoft.Authorization/roleDefinitions/r`,
  'Microsoft.Authorization/roleAssignments': `${registryScope}/providers/Microsoft.Authorization/roleAssignments/a`,
  'Microsoft.ContainerRegistry/registries/scopeMaps': `${registryScope}/scopeMaps/m`,
  'Microsoft.ContainerRegistry/registries/tokens': `${registryScope}/tokens/t`,
  'Microsoft.ContainerRegistry/trustedIssuers': `${groupScope}/providers/Microsoft.ContainerRegistry/trustedIssuers/i`,
};

const words = oneof(
  string(),
  constantFrom(
    '*',
    'https://people.test',
    'repositories/*/content/read',
    `${registryScope}/scopeMaps/m`,
    '__proto__',
    'enabled',
  ),
);
const texts = array(words, { maxLength: 4 });
const value = oneof(words, texts, dictionary(words, words, { maxKeys: 3 }), anything());
const fields = [
  'actions',
  'scopeMapId',
  'status',
  'issuer',
  'audiences',
  'subject',
  'claims',
  'roleName',
  'permissions',
];
const more = ['roleDefinitionId', 'principalType', 'principalId', 'condition', 'jwks', 'anonymousPullRepositories'];
const permission = record({ actions: texts, dataActions: texts }, { requiredKeys: [] });
const properties = record(
  Object.fromEntries([
    ...[...fields, ...more].map((name) => [name, option(value, { nil: undefined })]),
    ['permissions', option(array(oneof(permission, value), { maxLength: 2 }), { nil: undefined })],
  ]),
  { requiredKeys: [] },
);

/** By halves as they should be, so that more than the first check is reached. */
const nearly = [
  properties,
  properties,
  record({ roleName: words, permissions: array(permission, { minLength: 1, maxLength: 2 }) }),
  record({
    roleDefinitionId: oneof(
      words,
      constantFrom(`${registryScope}/providers/Microsoft.Authorization/roleDefinitions/r`),
    ),
    principalType: constantFrom('ServicePrincipal', 'Group', 'Claims'),
    principalId: words,
    issuer: words,
    claims: dictionary(words, words, { maxKeys: 3 }),
    condition: words,
  }),
  record({ actions: array(words, { minLength: 1, maxLength: 4 }) }),
  record({ scopeMapId: oneof(words, constantFrom(`${registryScope}/scopeMaps/m`)) }),
  properties,
];

const resourceOf = (id: string, given: Record<string, unknown>): Resource => {
  const { key, name, type, parent } = parseArmId(id)!;
  const at = { createdAt: 1, updatedAt: 1, createdBy: 'x', updatedBy: 'x', stamp: 1, home: '', etag: 'x' };
  return { id, key, name, type, parent: parseArmId(parent!)!.key, properties: given, ...at };
};

test('whatever resources say, the directory is read, and nobody gets a right by what is malformed', () => {
  const standing = { assignments: [], issuers: [], identities: [], credentials: [] };
  assert(
    property(tuple(...nearly.map((one) => oneof(one, properties))), (given) => {
      const open = resourceOf(registryScope, registryType.properties.parse({}));
      const [, ...others] = Object.values(types);
      const resources = [open, ...others.map((id, at) => resourceOf(id, given[at]!))];
      const byType = Map.groupBy(resources, ({ type }) => type);
      const mirror = {
        get: (id: string) => resources.find(({ key }) => key === parseArmId(id)?.key),
        list: (type: string) => byType.get(type) ?? [],
      } as unknown as Mirror;
      const directory = readDirectory(mirror, new Map([['default', 1]]), standing);
      expect(directory.registry(1)?.name).toBe('default');
      // Nothing opens a registry to everybody but itself.
      expect(rightsOf(anonymousCaller(1), directory).allows('content/read', 'app')).toBe(false);
    }),
    { numRuns: runs },
  );
});
