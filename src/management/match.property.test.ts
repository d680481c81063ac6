import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { groupScope, ManagementError, parseArmId } from '../operations/index.ts';
import { createMatch } from './match.ts';
import { assignments, checkName, registries, replications, tokens } from './test-management.double.ts';

const runs = Number(process.env['BONDED_TEST_RUNS'] ?? 300);
const match = createMatch({ types: [registries, tokens, replications, assignments], providerActions: [checkName] });

const words =
  'subscriptions resourceGroups bonded providers Microsoft.Resources Microsoft.ContainerRegistry registries tokens Microsoft.Authorization ' +
  'roleAssignments Acme .. %2F % operationStatuses rebuild checkNameAvailability toString __proto__';
const word = fc.constantFrom('', ...words.split(' '));
const path = fc.array(word, { maxLength: 14 }).map((parts) => `/${parts.join('/')}`);
const longer = path.map((rest) => `${groupScope}/providers${rest}`);
/** Paths within a registry, which may call a part of themselves a group. */
const inner = '/providers/Microsoft.Resources/subscriptions/x';
const scopes = [inner, `${inner}/resourceGroups/bonded`, `/providers/${registries.type}`, '/acme', '/tokens', '/abc'];
const within = fc
  .array(fc.constantFrom(...scopes), { maxLength: 8 })
  .map((parts) => `${groupScope}/providers/${registries.type}/acme${parts.join('')}`);

test('a path leads to what has an id, or is refused in ARM’s words, or is not of this API', () => {
  fc.assert(
    fc.property(fc.oneof(path, longer, within), (text) => {
      let route: ReturnType<typeof match>;
      try {
        route = match(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ManagementError);
        return;
      }
      if (!route) return expect(text).not.toMatch(/^\/(?:subscriptions|providers)(?:\/|$)/i);
      expect(parseArmId(route.id)).toBeDefined();
      if (route.kind === 'resource') expect(parseArmId(route.id)!.type).toBe(route.type.type);
      // What lies in a group lies in one by its whole path: rights are those at the beginning of it.
      if ('type' in route && route.type.scope === 'group') {
        expect(route.id).toMatch(
          /^\/subscriptions\/[^/]+(?:\/resourceGroups\/[^/]+(?:\/providers\/(?:(?!\/providers\/).)+)?)?$/,
        );
      }
    }),
    { numRuns: runs, examples: [['/subscriptions/rebuild/__proto__/operationStatuses/providers/bonded/bonded']] },
  );
});

test('any case of a path leads to the same', () => {
  const ids = fc.constantFrom(
    ...['', '/tokens', '/tokens/abc', '/rebuild', '/operationResults/1', '/replications/x'].map(
      (rest) => `${groupScope}/providers/${registries.type}/acme${rest}`,
    ),
    `${groupScope}/providers/${registries.type}`,
    `${groupScope}/providers/${registries.type}/acme/providers/${assignments.type}/1`,
  );
  fc.assert(
    fc.property(ids, fc.array(fc.boolean(), { minLength: 300, maxLength: 300 }), (id, upper) => {
      const odd = [...id].map((char, index) => (upper[index] ? char.toUpperCase() : char.toLowerCase())).join('');
      const [one, other] = [match(id)!, match(odd)!];
      expect(other.kind).toBe(one.kind);
      expect(parseArmId(other.id)!.key).toBe(parseArmId(one.id)!.key);
    }),
    { numRuns: runs },
  );
});
