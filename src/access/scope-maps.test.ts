import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { decide, formatScopeMapActions, type Grant, parseScopeMapActions, systemScopeMaps } from './index.ts';
import { policyOf } from '../../test/support/policies.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 2_000);

describe('scope maps', () => {
  test('entries of one repository become one grant, in their order', () => {
    const actions = [
      'repositories/team/app/content/read',
      'repositories/team/*/content/write',
      'repositories/*/metadata/read',
      'repositories/team/app/content/delete',
      'repositories/team/app/content/read',
    ];
    expect(parseScopeMapActions(actions)).toEqual([
      { repository: 'team/app', permissions: ['content/read', 'content/delete'] },
      { repository: 'team/*', permissions: ['content/write'] },
      { repository: '*', permissions: ['metadata/read'] },
    ]);
  });

  test('a repository may be called as an action is', () => {
    expect(parseScopeMapActions(['repositories/content/read/content/read'])).toEqual([
      { repository: 'content/read', permissions: ['content/read'] },
    ]);
  });

  const refused = [
    '',
    'repositories/a',
    'repositories/a/content/fly',
    'repositories/a/metadata/delete',
    'repositories/a/catalog/read',
    'repositories//content/read',
    'repositories/content/read',
    'repositories/A/content/read',
    'repositories/te*/content/read',
    'repositories/*/a/content/read',
    'repositories/a/*/*/content/read',
    'repositories/**/content/read',
    'repositories//*/content/read',
    'gateway/a/config/read',
    'repositories/a/content/read/',
  ];
  for (const action of refused) {
    test(`refused: ${action}`, () => {
      expect(() => parseScopeMapActions([action])).toThrow('is no action of a scope map');
    });
  }

  test('there is a bound to their number', () => {
    const many = Array.from({ length: 501 }, (_, at) => `repositories/a${at}/content/read`);
    expect(() => parseScopeMapActions(many)).toThrow('at most 500');
    expect(parseScopeMapActions(many.slice(1))).toHaveLength(500);
  });

  test('what is written is read as it was', () => {
    const repository = fc.constantFrom('*', 'a', 'team/app', 'team/*', 'a/b/c');
    const permission = fc.constantFrom(
      'content/read',
      'content/write',
      'content/delete',
      'metadata/read',
      'metadata/write',
    );
    const grant = fc.record({ repository, permissions: fc.uniqueArray(permission, { minLength: 1 }) });
    const grants = fc.uniqueArray(grant as fc.Arbitrary<Grant>, { selector: (one) => one.repository });
    fc.assert(
      fc.property(grants, (list) => expect(parseScopeMapActions(formatScopeMapActions(list))).toEqual(list)),
      { numRuns },
    );
  });

  test('those of the system reach every repository, and no catalog', () => {
    const allowed = Object.entries(systemScopeMaps).map(([name, { actions }]) => {
      const token = { kind: 'token' as const, id: name, name, grants: parseScopeMapActions(actions) };
      const may = (
        ['content/read', 'content/write', 'content/delete', 'metadata/write', 'catalog/read'] as const
      ).filter(
        (permission) => decide(policyOf([]), token, permission, { registry: 'main', repository: 'any/one' }).allow,
      );
      return [name, may];
    });
    expect(Object.fromEntries(allowed)).toEqual({
      _repositories_admin: ['content/read', 'content/write', 'content/delete', 'metadata/write'],
      _repositories_pull: ['content/read'],
      _repositories_push: ['content/read', 'content/write'],
      _repositories_pull_metadata_read: ['content/read'],
      _repositories_push_metadata_write: ['content/read', 'content/write', 'metadata/write'],
    });
  });
});
