import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { assign, builtInRole, customRole, group, policyOf, registryId, robot } from '../../test/support/policies.ts';
import {
  builtInRoles,
  canAny,
  conditionFor,
  assignmentsOf,
  decide,
  decideManagement,
  explain,
  explainManagement,
  type Permission,
  permissions,
  type Policy,
  type Principal,
  reachOf,
  repositoryFilter,
  type RoleAssignment,
  type RoleAssignmentMode,
} from './index.ts';

const numRuns = Math.ceil(Number(process.env['BONDED_TEST_RUNS'] ?? 1_000) / 4);
const timeout = 10_000 + numRuns * 2;

const issuer = 'https://issuer.example';
const names = ['team', 'team/app', 'team/app/x', 'web'];
const customRoles = [
  customRole('push-only', { actions: ['Microsoft.ContainerRegistry/registries/push/write'] }),
  customRole('no-delete', { actions: ['*'], notActions: ['Microsoft.ContainerRegistry/*/delete'] }),
  customRole('data', { dataActions: ['*'], notDataActions: ['*/metadata/*'] }),
];
const roleIds = fc.constantFrom(...[...builtInRoles, ...customRoles].map((role) => role.id), 'unknown');
const scopes = fc.constantFrom(
  '/',
  group,
  registryId('main'),
  registryId('other'),
  `${registryId('main')}/repositories/team/app`,
  `${registryId('main')}/repositories/*`,
);
const name = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]';
const conditions = fc.constantFrom(
  undefined,
  undefined,
  conditionFor({ repositories: ['team/*'] }),
  conditionFor({ repositories: ['web', 'team'], actions: ['content/read'] }),
  `!(${name} StringLike 'team/*')`,
  `${name} StringEquals 'nothing'`,
  "ActionMatches{'*/read'}",
  "SubOperationMatches{'x'} AND ActionMatches{'*'}",
  'malformed',
);
const principals = fc.constantFrom<RoleAssignment['principal']>(
  { type: 'Identity', id: robot.id },
  { type: 'Identity', id: 'other' },
  { type: 'Group', issuer, group: 'a' },
  { type: 'Claims', issuer, claims: { sub: 'x*' } },
  { type: 'Claims', issuer, claims: { sub: 'xy', aud: 'z' } },
);
const assignment = fc
  .record({
    roleDefinitionId: roleIds,
    scope: scopes,
    condition: conditions,
    principal: principals,
    enabled: fc.boolean(),
  })
  .chain(({ condition, ...rest }) =>
    fc.uuid().map((id) => assign('Owner', condition === undefined ? { ...rest, id } : { ...rest, id, condition })),
  );
const assignments = fc.array(assignment, { maxLength: 6 });
const caller = fc.constantFrom<Principal>(
  robot,
  { ...robot, issuer, groups: ['a', 'b'] },
  { kind: 'federated', id: 'x', name: 'x', issuer, groups: ['a'], claims: { sub: 'xy', aud: ['z'] } },
  { kind: 'operator', id: 'other', name: 'local' },
  { ...robot, kind: 'token', grants: [{ repository: 'team/*', permissions: ['content/read', 'catalog/read'] }] },
  {
    ...robot,
    kind: 'admin',
    registry: 'main',
    grants: [{ repository: '*', permissions: ['content/write', 'catalog/read'] }],
  },
  { kind: 'anonymous', id: '', name: 'anonymous' },
);
const modes = fc.constantFrom<RoleAssignmentMode>('LegacyRegistryPermissions', 'AbacRepositoryPermissions');
const targets = [undefined, ...names].map((repository) =>
  repository === undefined ? { registry: 'main' } : { registry: 'main', repository },
);

function rightsOf(policy: Policy, principal: Principal): Set<string> {
  const rights = new Set<string>();
  for (const permission of permissions) {
    for (const target of targets) {
      if (decide(policy, principal, permission, target).allow) rights.add(`${permission} ${target.repository}`);
    }
  }
  return rights;
}

function policyWith(list: readonly RoleAssignment[], mode: RoleAssignmentMode): Policy {
  return policyOf(list, mode, { roleDefinitions: customRoles });
}

test(
  'one more assignment never removes a right, and rights come from single assignments',
  () => {
    fc.assert(
      fc.property(assignments, assignment, caller, modes, (list, more, principal, mode) => {
        const before = rightsOf(policyWith(list, mode), principal);
        const after = rightsOf(policyWith([...list, more], mode), principal);
        const alone = rightsOf(policyWith([more], mode), principal);
        expect(after).toEqual(before.union(alone));
      }),
      { numRuns },
    );
  },
  timeout,
);

test(
  'a condition only takes away, and one that is malformed or that nothing matches leaves nothing',
  () => {
    const nothing = fc.constantFrom(
      '',
      'x',
      `${name} StringEquals 'nothing'`,
      "!(ActionMatches{'*'})",
      "!ActionMatches('*')",
    );
    fc.assert(
      fc.property(assignment, conditions, nothing, caller, modes, (one, condition, none, principal, mode) => {
        fc.pre(principal.grants === undefined);
        const { condition: _, ...free } = one;
        const all = rightsOf(policyWith([free], mode), principal);
        const bounded = rightsOf(
          policyWith([condition === undefined ? free : { ...free, condition }], mode),
          principal,
        );
        expect(bounded.isSubsetOf(all)).toBe(true);
        expect(rightsOf(policyWith([{ ...free, condition: none }], mode), principal).size).toBe(0);
      }),
      { numRuns },
    );
  },
  timeout,
);

test(
  'explain decides as decide does, and what it suggests works',
  () => {
    const target = fc.constantFrom(...targets, { registry: 'missing', repository: 'team' });
    const permission = fc.constantFrom(...permissions);
    fc.assert(
      fc.property(assignments, caller, modes, permission, target, (list, principal, mode, asked, at) => {
        const policy = policyWith(list, mode);
        const decision = decide(policy, principal, asked, at);
        const explanation = explain(policy, principal, asked, at);
        expect({ allow: explanation.allow, by: explanation.by }).toEqual({ allow: decision.allow, by: decision.by });
        const allowing = explanation.reasons.filter((reason) => reason.outcome === 'allows');
        expect(allowing.length > 0).toBe(decision.allow);
        if (decision.by !== undefined && decision.by !== 'grant') {
          expect(allowing.map((reason) => reason.assignment)).toContain(decision.by);
        }
        expect(explanation.message).toContain(decision.allow ? 'is allowed' : 'is refused');
        if (explanation.suggestion && principal.kind !== 'federated') {
          const id = principal.id;
          const helping = assign(explanation.suggestion.roleName, { principal: { type: 'Identity', id } });
          expect(decide(policyWith([...list, helping], mode), principal, asked, at).allow).toBe(true);
        }
      }),
      { numRuns },
    );
  },
  timeout,
);

test(
  'what is found out for many repositories agrees with each decision',
  () => {
    const some = fc.subarray([...permissions], { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(assignments, caller, modes, some, (list, principal, mode, asked) => {
        const policy = policyWith(list, mode);
        const filter = repositoryFilter(policy, principal, 'main', asked);
        const may = (repository: string) =>
          asked.some((permission) => decide(policy, principal, permission, { registry: 'main', repository }).allow);
        for (const repository of names) {
          const allowed = may(repository);
          expect(filter.allows(repository) || filter.all).toBe(allowed);
          if (filter.all) expect(allowed).toBe(true);
          if (filter.none) expect(allowed).toBe(false);
        }
        const can = (permission: Permission) => canAny(policy, principal, permission, 'main');
        expect(asked.some(can)).toBe(!filter.none);
      }),
      { numRuns },
    );
  },
  timeout,
);

test('that there may be a repository is told from a condition that no name meets', () => {
  const reader = builtInRole('Container Registry Repository Reader').roleName;
  const can = (condition?: string) =>
    canAny(policyOf([assign(reader, condition === undefined ? {} : { condition })]), robot, 'content/read', 'main');
  expect(can()).toBe(true);
  expect(can(conditionFor({ repositories: ['team/*'] }))).toBe(true);
  expect(can("ActionMatches{'x'}")).toBe(false);
  expect(can('malformed')).toBe(false);
  expect(canAny(policyOf([assign(reader)]), robot, 'content/write', 'main')).toBe(false);
  expect(canAny(policyOf([assign(reader)]), robot, 'content/read', 'missing')).toBe(false);
});

test('that the catalog is of the registry is no different for many', () => {
  const scope = `${registryId('main')}/repositories/team/app`;
  const policy = policyOf([assign('Container Registry Repository Catalog Lister', { scope })]);
  const filter = repositoryFilter(policy, robot, 'main', ['catalog/read']);
  expect({ none: filter.none, allows: filter.allows('team/app') }).toEqual({ none: true, allows: false });
});

test('a token may do in some repository what one of its grants says', () => {
  const token: Principal = { ...robot, kind: 'token', grants: [{ repository: 'a', permissions: ['content/read'] }] };
  const can = (permission: Permission) => canAny(policyOf([]), token, permission, 'main');
  expect([can('content/read'), can('content/write'), can('catalog/read')]).toEqual([true, false, false]);
});

const managed = fc.constantFrom(
  'Microsoft.ContainerRegistry/registries/read',
  'Microsoft.ContainerRegistry/registries/write',
  'Microsoft.ContainerRegistry/registries/tokens/delete',
  'Microsoft.Authorization/roleAssignments/write',
  'Microsoft.ManagedIdentity/userAssignedIdentities/write',
  'Microsoft.Elsewhere/things/read',
);

test(
  'what is explained of management is what is decided, and what it suggests works',
  () => {
    fc.assert(
      fc.property(assignments, caller, managed, scopes, (list, principal, action, scope) => {
        const policy = policyWith(list, 'AbacRepositoryPermissions');
        const decision = decideManagement(policy, principal, action, scope);
        const { allow, by, reasons, suggestion } = explainManagement(policy, principal, action, scope);
        expect({ allow, by }).toEqual({ allow: decision.allow, by: decision.by });
        expect(reasons.some(({ outcome }) => outcome === 'allows')).toBe(allow);
        if (!suggestion || /\*/.test(scope)) return;
        const whom = { type: 'Identity', id: principal.id } as const;
        const granted = assign('Owner', { roleDefinitionId: suggestion.id, scope, principal: whom });
        // Nobody from outside has an id that an assignment could name.
        const known: Principal = principal.kind === 'federated' ? { ...principal, kind: 'identity' } : principal;
        const after = policyWith([...list, granted], 'AbacRepositoryPermissions');
        expect(decideManagement(after, known, action, scope).allow).toBe(true);
      }),
      { numRuns },
    );
  },
  timeout,
);

test(
  'how far an assignment reaches agrees with each decision by it alone',
  () => {
    fc.assert(
      fc.property(assignment, caller, modes, fc.constantFrom(...permissions), (one, principal, mode, permission) => {
        const policy = policyWith([one], mode);
        if (assignmentsOf(policy, principal).length === 0) return;
        const reach = reachOf(policy, one, permission);
        const may = (registry: string, repository?: string) =>
          decide(policy, principal, permission, { registry, ...(repository !== undefined && { repository }) }).allow;
        const registries = ['main', 'other'];
        expect(reach === 'all').toBe(registries.some((registry) => may(registry)));
        if (reach === 'none') {
          expect(registries.flatMap((registry) => names.map((repository) => may(registry, repository)))).not.toContain(
            true,
          );
        }
      }),
      { numRuns },
    );
  },
  timeout,
);
