import { describe, expect, test } from 'bun:test';
import { assign, customRole, policyOf, registryId, robot } from '../../test/support/policies.ts';
import {
  conditionFor,
  explain,
  type Permission,
  type Principal,
  type RoleAssignment,
  type RoleAssignmentMode,
} from './index.ts';

const reader = 'Container Registry Repository Reader';
const target = { registry: 'main', repository: 'team/app' };

function why(
  list: RoleAssignment[],
  permission: Permission = 'content/read',
  mode: RoleAssignmentMode = 'AbacRepositoryPermissions',
  roleDefinitions: ReturnType<typeof customRole>[] = [],
) {
  return explain(policyOf(list, mode, { roleDefinitions }), robot, permission, target);
}

describe('an explanation', () => {
  test('of what is allowed names the assignment, its role and its scope', () => {
    const explanation = why([assign('AcrPull'), assign(reader)]);
    expect(explanation).toMatchObject({ allow: true, by: assign(reader).id, mode: 'AbacRepositoryPermissions' });
    expect(explanation.reasons.map((reason) => reason.outcome)).toEqual(['allows', 'other-mode']);
    expect(explanation.message).toBe(
      `identity "robot" is allowed content/read on team/app in "main": the assignment one of "${reader}" at ` +
        `${registryId('main')} gives content/read`,
    );
    expect(explanation.suggestion).toBeUndefined();
  });

  test('of what nothing concerns suggests the smallest role', () => {
    expect(why([])).toMatchObject({
      allow: false,
      reasons: [],
      suggestion: { roleName: reader },
      message:
        'identity "robot" is refused content/read on team/app in "main": no role assignment concerns it. ' +
        `The smallest built-in role that allows it is "${reader}"`,
    });
  });

  const smallest: [Permission, RoleAssignmentMode, string | undefined][] = [
    ['content/read', 'LegacyRegistryPermissions', 'AcrPull'],
    ['content/write', 'LegacyRegistryPermissions', 'AcrPush'],
    ['metadata/write', 'LegacyRegistryPermissions', 'Contributor'],
    ['content/delete', 'LegacyRegistryPermissions', 'AcrDelete'],
    ['deleted/read', 'LegacyRegistryPermissions', 'Reader'],
    ['content/write', 'AbacRepositoryPermissions', 'Container Registry Repository Writer'],
    ['content/delete', 'AbacRepositoryPermissions', 'Container Registry Repository Contributor'],
    ['catalog/read', 'AbacRepositoryPermissions', 'Container Registry Repository Catalog Lister'],
    ['quarantine/read', 'AbacRepositoryPermissions', 'AcrQuarantineReader'],
    ['deleted/restore', 'AbacRepositoryPermissions', undefined],
  ];
  for (const [permission, mode, roleName] of smallest) {
    test(`suggests ${roleName ?? 'a custom role'} for ${permission} in ${mode}`, () => {
      const explanation = why([], permission, mode);
      expect(explanation.suggestion?.roleName).toBe(roleName as string);
      if (!roleName) expect(explanation.message).toContain('registries/deleted/restore/action');
    });
  }

  const custom = [
    customRole('all-but-pull', { actions: ['*'], notActions: ['Microsoft.ContainerRegistry/*/pull/read'] }),
    customRole('data-only', { dataActions: ['Microsoft.ContainerRegistry/registries/repositories/*'] }),
  ];
  const byCustom = (at: number) => assign('Owner', { roleDefinitionId: custom[at]!.id });
  const cases: [outcome: string, RoleAssignment, RoleAssignmentMode, message: string][] = [
    ['disabled', assign(reader, { enabled: false }), 'AbacRepositoryPermissions', 'is disabled'],
    ['role-unknown', assign(reader, { roleDefinitionId: 'gone' }), 'AbacRepositoryPermissions', 'of gone at'],
    ['scope-malformed', assign(reader, { scope: 'x' }), 'AbacRepositoryPermissions', 'is no id of a resource'],
    ['scope-elsewhere', assign(reader, { scope: registryId('other') }), 'AbacRepositoryPermissions', 'not reach it'],
    [
      'action-missing',
      assign('AcrDelete'),
      'LegacyRegistryPermissions',
      'lacks the action Microsoft.ContainerRegistry/registries/pull/read',
    ],
    [
      'action-missing',
      assign('Container Registry Repository Catalog Lister'),
      'AbacRepositoryPermissions',
      'lacks the data action Microsoft.ContainerRegistry/registries/repositories/content/read',
    ],
    [
      'action-excluded',
      byCustom(0),
      'LegacyRegistryPermissions',
      'notActions of the role has Microsoft.ContainerRegistry/*/pull/read',
    ],
    [
      'other-mode',
      assign('AcrPull'),
      'AbacRepositoryPermissions',
      `here it is ${reader} and Container Registry Repository Catalog Lister instead`,
    ],
    [
      'other-mode',
      assign('AcrDelete'),
      'AbacRepositoryPermissions',
      'is Container Registry Repository Contributor ins',
    ],
    [
      'other-mode',
      assign('Owner'),
      'AbacRepositoryPermissions',
      'no effect on data while the registry is in the mode A',
    ],
    [
      'other-mode',
      assign('Container Registry Repository Contributor'),
      'LegacyRegistryPermissions',
      'is AcrPush and AcrDelete instead',
    ],
    ['other-mode', byCustom(1), 'LegacyRegistryPermissions', 'in the mode LegacyRegistryPermissions'],
    [
      'condition-false',
      assign(reader, { condition: conditionFor({ repositories: ['web', 'team/b'] }) }),
      'AbacRepositoryPermissions',
      "repositories:name] StringEqualsIgnoreCase 'web' OR @Request[",
    ],
    [
      'condition-malformed',
      assign(reader, { condition: 'nonsense' }),
      'AbacRepositoryPermissions',
      'malformed at line 1, column 1: expected ActionMatches',
    ],
  ];
  for (const [outcome, assignment, mode, message] of cases) {
    test(`says ${outcome}: ${message}`, () => {
      const explanation = why([assignment], 'content/read', mode, custom);
      expect(explanation.reasons).toMatchObject([{ outcome, assignment: assignment.id }]);
      expect(explanation.reasons[0]!.message).toContain(message);
      expect(explanation.message).toContain(message);
    });
  }

  test('of a condition on the registry as a whole says that there is no repository', () => {
    const catalog =
      "!(ActionMatches{'*'}) OR @Request[Microsoft.ContainerRegistry/registries/repositories:name] StringLike '*'";
    const list = [assign('Container Registry Repository Catalog Lister', { condition: catalog })];
    expect(why(list, 'catalog/read').message).toContain("StringLike '*' is not true where no repository is named");
  });

  test('of grants says what each lacks, and suggests no role', () => {
    const token: Principal = {
      kind: 'token',
      id: 't',
      name: 't',
      registry: 'main',
      grants: [
        { repository: 'team/*', permissions: ['content/write'] },
        { repository: 'web', permissions: ['content/read'] },
      ],
    };
    const refused = explain(policyOf([]), token, 'content/read', target);
    expect(refused.reasons.map((reason) => reason.outcome)).toEqual(['action-missing', 'other-repository']);
    expect(refused.message).toContain('Role assignments do not count for it');
    expect(refused.suggestion).toBeUndefined();
    expect(explain(policyOf([]), token, 'content/write', target)).toMatchObject({ allow: true, by: 'grant' });
    const elsewhere = explain(policyOf([]), token, 'content/write', { ...target, registry: 'other' });
    expect(elsewhere.reasons.map((reason) => reason.outcome)).toEqual(['other-registry', 'other-registry']);
    const { grants: _, ...bare } = token;
    expect(explain(policyOf([]), bare, 'content/read', target).message).toContain('it has no grants');
  });

  test('of a registry that is not known says so', () => {
    const explanation = explain(policyOf([assign(reader)]), robot, 'content/read', { registry: 'gone' });
    expect(explanation).toMatchObject({ allow: false, reasons: [] });
    expect(explanation.message).toContain('no such registry is known');
  });
});
