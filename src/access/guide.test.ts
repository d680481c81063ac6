import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { assign, policyOf, robot } from '../../test/support/policies.ts';
import {
  builtInRoles,
  decide,
  parseCondition,
  permissions,
  type RoleAssignmentMode,
  systemScopeMaps,
} from './index.ts';

const guide = await Bun.file(join(import.meta.dir, '../../docs/guides/access.md')).text();

function namesIn(cell: string): string[] {
  if (cell.trim() === 'all') return [...permissions].toSorted();
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!).toSorted();
}

function givenBy(roleName: string, mode: RoleAssignmentMode): string[] {
  const policy = policyOf([assign(roleName)], mode);
  const target = { registry: 'main', repository: 'a' };
  return permissions.filter((permission) => decide(policy, robot, permission, target).allow).toSorted();
}

describe('the guide of access', () => {
  test('says of each role what it gives', () => {
    const table = guide.split('\n').filter((line) => /^\| [A-Z].* \|/.test(line));
    expect(table.length).toBeGreaterThan(10);
    const named = new Set<string>();
    for (const line of table) {
      const [, roles, abac, legacy] = line.split('|');
      for (const role of roles!.trim().split(', ')) {
        named.add(role);
        expect({ role, given: givenBy(role, 'AbacRepositoryPermissions') }).toEqual({ role, given: namesIn(abac!) });
        expect({ role, given: givenBy(role, 'LegacyRegistryPermissions') }).toEqual({ role, given: namesIn(legacy!) });
      }
    }
    const text = guide.replaceAll(/\s+/g, ' ');
    for (const { roleName } of builtInRoles) expect(text).toContain(roleName);
    for (const { roleName } of builtInRoles.filter((role) => !named.has(role.roleName))) {
      expect(givenBy(roleName, 'LegacyRegistryPermissions')).toEqual([]);
    }
  });

  test('names every permission and every scope map of the system', () => {
    for (const name of [...permissions, ...Object.keys(systemScopeMaps)]) expect(guide).toContain(`\`${name}\``);
  });

  test('has conditions that are read', () => {
    const conditions = [...guide.matchAll(/```text\n([^`]+)```/g)].map((match) => match[1]!);
    expect(conditions).toHaveLength(2);
    for (const condition of conditions) expect(() => parseCondition(condition)).not.toThrow();
  });
});
