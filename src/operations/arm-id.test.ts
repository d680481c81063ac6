import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { armKey, formatId, groupScope, parseArmId, segmentsOf, subscriptionScope } from './index.ts';

const runs = Number(process.env['BONDED_TEST_RUNS'] ?? 200);
const registry = `${groupScope}/providers/Microsoft.ContainerRegistry/registries/Acme`;

test('ids say what they are and what they lie in', () => {
  const cases: [string, string, string, string | undefined, boolean][] = [
    ['/', '', '', undefined, false],
    [subscriptionScope, 'Microsoft.Resources/subscriptions', subscriptionScope.slice(15), '/', false],
    [groupScope, 'Microsoft.Resources/subscriptions/resourceGroups', 'bonded', subscriptionScope, false],
    [registry, 'Microsoft.ContainerRegistry/registries', 'Acme', groupScope, false],
    [`${registry}/tokens/a`, 'Microsoft.ContainerRegistry/registries/tokens', 'a', registry, true],
    [`${registry}/repositories/a%2Fb`, 'Microsoft.ContainerRegistry/registries/repositories', 'a/b', registry, true],
    [
      `${registry}/repositories/a%2Fb/providers/Microsoft.Authorization/roleAssignments/1`,
      'Microsoft.Authorization/roleAssignments',
      '1',
      `${registry}/repositories/a%2Fb`,
      false,
    ],
    [
      '/providers/Microsoft.Authorization/roleDefinitions/1',
      'Microsoft.Authorization/roleDefinitions',
      '1',
      '/',
      false,
    ],
  ];
  for (const [id, type, name, parent, isChild] of cases) {
    expect(parseArmId(id)).toEqual({ id, key: id.toLowerCase(), type, name, parent, isChild });
  }
});

test('what is no id is none', () => {
  const wrong = [
    '',
    'x',
    '//',
    '/subscriptions',
    '/subscriptions/a/resourceGroups',
    '/subscriptions/a/other/b',
    `${groupScope}/providers/Microsoft.ContainerRegistry`,
    `${groupScope}/providers/Microsoft.ContainerRegistry/registries`,
    `${registry}/tokens`,
    `${registry}/tokens/..`,
    `${registry}/tokens/%00`,
    `${registry}/tokens/%zz`,
    `${registry}/tokens/%ED%A0%80`,
    `${registry}/tokens/${'x'.repeat(2048)}`,
    `${registry}${'/a/b'.repeat(20)}`,
  ];
  for (const text of wrong) expect([text, parseArmId(text)]).toEqual([text, undefined]);
});

const segment = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });

test('a name of any characters comes back, in any case and encoding, under one key', () => {
  fc.assert(
    fc.property(segment, (name) => {
      const id = formatId([...segmentsOf(registry)!, 'repositories', name]);
      const arm = parseArmId(id);
      fc.pre(arm !== undefined);
      expect(arm).toMatchObject({ name, parent: registry, isChild: true });
      const encoded = [...Buffer.from(name)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
      expect(armKey(`${registry.toUpperCase()}/REPOSITORIES/${encoded}`)).toBe(arm.key);
      expect(armKey(arm.key)).toBe(arm.key);
    }),
    { numRuns: runs },
  );
});

test('no text makes it throw, and the key of a key is itself', () => {
  const part = fc.constantFrom('/', 'subscriptions', 'resourceGroups', 'providers', 'a', '%2F', '%', '.', 'Ä', 'İ');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const key = armKey(parts.join(''));
      if (key !== undefined) expect(armKey(key)).toBe(key);
    }),
    { numRuns: runs },
  );
});
