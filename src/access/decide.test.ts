import { describe, expect, test } from 'bun:test';
import { assign, group, policyOf, registryId, robot } from '../../test/support/policies.ts';
import {
  compilePolicy,
  conditionFor,
  decide,
  decideManagement,
  mayList,
  type Permission,
  type Principal,
  type RoleAssignment,
  type RoleAssignmentMode,
} from './index.ts';
import { visitAssignments } from './policy.ts';

const reader = 'Container Registry Repository Reader';
const lister = 'Container Registry Repository Catalog Lister';

function reads(rest: Partial<RoleAssignment>, repository: string | undefined, registry = 'main', who = robot) {
  const target = repository === undefined ? { registry } : { registry, repository };
  return decide(policyOf([assign(reader, rest)]), who, 'content/read', target).allow;
}

describe('scopes', () => {
  test('what is above a registry covers it, and what is beside it does not', () => {
    const above = ['/', group.slice(0, group.indexOf('/resourceGroups')), group, `${group}/`, group.toUpperCase()];
    for (const scope of above) expect({ scope, allow: reads({ scope }, 'a') }).toEqual({ scope, allow: true });
    const beside = [`${group}2`, `${group}/providers`.slice(0, -3), registryId('other'), registryId('mai'), ''];
    for (const scope of [...beside, 'nonsense', '//', `${group}/../bonded`, `${registryId('main')}/x/y`]) {
      expect({ scope, allow: reads({ scope }, 'a') }).toEqual({ scope, allow: false });
    }
  });

  test('a registry covers its repositories and no other registry', () => {
    expect(reads({}, 'team/app')).toBe(true);
    expect(reads({}, 'team/app', 'MAIN')).toBe(true);
    expect(reads({}, 'team/app', 'other')).toBe(false);
    expect(reads({}, 'team/app', 'missing')).toBe(false);
    expect(reads({ scope: registryId('MAIN') }, 'team/app')).toBe(true);
  });

  test('a repository covers exactly itself', () => {
    const scope = `${registryId('main').toUpperCase()}/REPOSITORIES/team/app`;
    expect(reads({ scope }, 'team/app')).toBe(true);
    for (const other of ['team', 'team/app/x', 'team/app2', undefined]) expect(reads({ scope }, other)).toBe(false);
    expect(reads({ scope }, 'team/app', 'other')).toBe(false);
    for (const name of ['team/*', '*', '', 'TEAM/app', 'team//app', 'team/../app']) {
      expect(reads({ scope: `${registryId('main')}/repositories/${name}` }, 'team/app')).toBe(false);
    }
  });

  test('a repository covers itself in the management API, too', () => {
    const policy = policyOf([assign('Owner', { scope: `${registryId('main')}/repositories/team/app` })]);
    const may = (scope: string) => decideManagement(policy, robot, 'Microsoft.Authorization/x/write', scope).allow;
    expect(may(`${registryId('main')}/repositories/team/app`)).toBe(true);
    expect(may(`${registryId('other')}/repositories/team/app`)).toBe(false);
    expect(may(`${registryId('main')}/repositories/team`)).toBe(false);
    expect(may(registryId('main'))).toBe(false);
    const assignment = 'providers/Microsoft.Authorization/roleAssignments/one';
    expect(may(`${registryId('main')}/repositories/team%2Fapp/${assignment}`)).toBe(true);
    expect(may(`${registryId('main')}/repositories/team/app/web/${assignment}`)).toBe(false);
    expect(may(`${registryId('main')}/repositories/team%2Fapp/providers/elsewhere/x`)).toBe(false);
    expect(may(`${registryId('main')}/${assignment}`)).toBe(false);
  });

  test('the catalog is of the whole registry', () => {
    const allows = (rest: Partial<RoleAssignment>, repository?: string) => {
      const target = repository === undefined ? { registry: 'main' } : { registry: 'main', repository };
      return decide(policyOf([assign(lister, rest)]), robot, 'catalog/read', target).allow;
    };
    expect(allows({})).toBe(true);
    expect(allows({}, 'a')).toBe(true);
    const scope = `${registryId('main')}/repositories/a`;
    expect([allows({ scope }), allows({ scope }, 'a')]).toEqual([false, false]);
  });
});

describe('conditions', () => {
  const condition = conditionFor({ repositories: ['team/*'] });

  test('bound a role to what they name', () => {
    expect(reads({ condition, conditionVersion: '2.0' }, 'team/app')).toBe(true);
    expect(reads({ condition }, 'teams/app')).toBe(false);
    expect(reads({ condition }, undefined)).toBe(false);
  });

  test('that are malformed or of an unknown version grant nothing', () => {
    for (const bad of ['', ' ', 'true', "ActionMatches{'*'", condition.slice(1), `${condition} OR`]) {
      expect({ bad, allow: reads({ condition: bad }, 'team/app') }).toEqual({ bad, allow: false });
    }
    expect(reads({ condition, conditionVersion: '1.0' as '2.0' }, 'team/app')).toBe(false);
  });

  test('bound repositories where roles are read by their actions, too', () => {
    const policy = policyOf([assign('AcrPush', { condition })], 'LegacyRegistryPermissions');
    const may = (permission: Permission, repository: string) =>
      decide(policy, robot, permission, { registry: 'main', repository }).allow;
    expect([may('content/write', 'team/app'), may('content/write', 'web')]).toEqual([true, false]);
    expect([may('metadata/read', 'team/app'), may('metadata/read', 'web')]).toEqual([true, false]);
  });

  test('may name the actions of the mode, and in each the data actions', () => {
    const named = (action: string) =>
      `!(ActionMatches{'Microsoft.ContainerRegistry/registries/${action}'}) OR ` +
      "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'team/app'";
    const may = (action: string, mode: RoleAssignmentMode, permission: Permission) => {
      const role = 'Container Registry Data Importer and Data Reader';
      const policy = policyOf([assign(role, { condition: named(action) })], mode);
      return decide(policy, robot, permission, { registry: 'main', repository: 'web' }).allow;
    };
    expect(may('pull/read', 'LegacyRegistryPermissions', 'content/read')).toBe(false);
    // Who may pull may read metadata: so what bounds the one bounds the other.
    expect(may('pull/read', 'LegacyRegistryPermissions', 'metadata/read')).toBe(false);
    expect(may('pull/read', 'AbacRepositoryPermissions', 'content/read')).toBe(true);
    expect(may('repositories/content/read', 'LegacyRegistryPermissions', 'content/read')).toBe(false);
    expect(may('repositories/content/read', 'AbacRepositoryPermissions', 'content/read')).toBe(false);
    expect(may('repositories/content/read', 'AbacRepositoryPermissions', 'metadata/read')).toBe(true);
  });

  test('that name an action of the whole registry grant it where nothing is asked of a repository', () => {
    const allows = (text: string) =>
      decide(policyOf([assign(lister, { condition: text })]), robot, 'catalog/read', { registry: 'main' }).allow;
    expect(allows(condition)).toBe(true);
    const catalog = "ActionMatches{'Microsoft.ContainerRegistry/registries/catalog/read'}";
    const name = "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'a'";
    expect(allows(`!(${catalog}) OR ${name}`)).toBe(false);
    expect(allows(`!(${catalog}) OR !(${name})`)).toBe(false);
    expect(allows(catalog)).toBe(true);
  });
});

describe('principals', () => {
  const issuer = 'https://issuer.example';
  const person: Principal = {
    kind: 'federated',
    id: 'robot-id',
    name: 'person',
    issuer,
    groups: ['builders', 'Ops'],
    claims: {
      sub: 'repo:acme/shop:ref:refs/heads/main',
      roles: ['one', 'two', { three: 3 }],
      level: 3,
      admin: true,
      nested: { sub: 'x' },
    },
  };
  const byClaims = (claims: Record<string, string>, from = issuer) => ({
    principal: { type: 'Claims' as const, issuer: from, claims },
  });
  const byGroup = (name: string, from = issuer) => ({
    principal: { type: 'Group' as const, issuer: from, group: name },
  });

  test('an identity is named by its id, exactly; an id that comes from outside names nobody', () => {
    expect(reads({}, 'a')).toBe(true);
    expect(reads({}, 'a', 'main', { ...robot, kind: 'operator' })).toBe(true);
    expect(reads({}, 'a', 'main', { ...robot, id: 'Robot-id' })).toBe(false);
    expect(reads({}, 'a', 'main', person)).toBe(false);
  });

  test('a group counts with its issuer', () => {
    expect(reads(byGroup('builders'), 'a', 'main', person)).toBe(true);
    expect(reads(byGroup('Builders'), 'a', 'main', person)).toBe(false);
    expect(reads(byGroup('builders', `${issuer}/`), 'a', 'main', person)).toBe(false);
    const { issuer: _, ...nobody } = person;
    expect(reads(byGroup('builders'), 'a', 'main', nobody)).toBe(false);
  });

  const matching = [
    { sub: 'repo:acme/shop:ref:refs/heads/main' },
    { sub: 'repo:acme/*:ref:refs/heads/main' },
    { sub: '*' },
    { roles: 'two' },
    { roles: 't*', level: '3', admin: 'true' },
  ];
  const others: Record<string, unknown>[] = [
    {},
    { sub: 'repo:acme/shop' },
    { sub: 'repo:acme/*', roles: 'three' },
    { sub: '*', missing: '*' },
    { nested: '*' },
    { toString: '*' },
    { roles: 'one,two' },
    { constructor: '*' },
  ];
  for (const claims of matching) {
    test(`claims that match ${JSON.stringify(claims)}`, () => {
      expect(reads(byClaims(claims), 'a', 'main', person)).toBe(true);
      expect(reads(byClaims(claims, 'https://other.example'), 'a', 'main', person)).toBe(false);
    });
  }
  for (const claims of others) {
    test(`claims that do not match ${JSON.stringify(claims)}`, () => {
      expect(reads(byClaims(claims as Record<string, string>), 'a', 'main', person)).toBe(false);
    });
  }

  test('a claim that is inherited is none', () => {
    const heir = { ...person, claims: Object.create({ sub: 'x' }) as Record<string, unknown> };
    expect(reads(byClaims({ sub: 'x' }), 'a', 'main', heir)).toBe(false);
    expect(reads(byClaims({ sub: 'x' }), 'a', 'main', { ...person, claims: { sub: 'x' } })).toBe(true);
  });

  test('a value that is too long matches nothing', () => {
    const long = { ...person, claims: { sub: 'a'.repeat(4_097) } };
    expect(reads(byClaims({ sub: 'a*' }), 'a', 'main', long)).toBe(false);
    expect(reads(byClaims({ sub: 'a*' }), 'a', 'main', { ...person, claims: { sub: 'a'.repeat(4_096) } })).toBe(true);
  });

  test('what is disabled, or has a role that is gone, grants nothing', () => {
    expect(reads({ enabled: false }, 'a')).toBe(false);
    expect(reads({ enabled: true }, 'a')).toBe(true);
    expect(reads({ roleDefinitionId: '/providers/Microsoft.Authorization/roleDefinitions/x' }, 'a')).toBe(false);
  });

  test('tokens, the admin user and anonymous callers have their grants, and no assignments', () => {
    const policy = policyOf([assign(reader), assign('Owner')]);
    const grants = [{ repository: 'team/*', permissions: ['content/read'] as const }];
    for (const kind of ['token', 'admin', 'anonymous'] as const) {
      const caller: Principal = { ...robot, kind, grants, registry: 'Main' };
      const may = (repository: string, registry = 'main') =>
        decide(policy, caller, 'content/read', { registry, repository });
      expect(may('team/app')).toEqual({ allow: true, by: 'grant' });
      for (const name of ['team', 'teams/app', 'team/']) expect(may(name).allow).toBe(false);
      expect(may('team/app', 'other').allow).toBe(false);
      expect(decide(policy, { ...robot, kind }, 'content/read', { registry: 'main', repository: 'a' }).allow).toBe(
        false,
      );
      expect(decideManagement(policy, caller, 'Microsoft.ContainerRegistry/registries/read', '/').allow).toBe(false);
    }
  });

  test('a grant on everything is one on the registry as a whole', () => {
    const permissions = ['catalog/read'] as const;
    const admin: Principal = { kind: 'admin', id: 'main', name: 'main', grants: [{ repository: '*', permissions }] };
    expect(decide(policyOf([]), admin, 'catalog/read', { registry: 'main' }).allow).toBe(true);
    const token: Principal = { ...admin, grants: [{ repository: 'a', permissions }] };
    expect(decide(policyOf([]), token, 'catalog/read', { registry: 'main', repository: 'a' }).allow).toBe(false);
  });
});

test('the answer names the assignment that allowed', () => {
  const assignment = assign(reader);
  const decision = decide(policyOf([assignment]), robot, 'content/read', { registry: 'main', repository: 'a' });
  expect(decision).toEqual({ allow: true, by: assignment.id });
});

test('who reads metadata may list, as may who reads content', () => {
  const target = { registry: 'main', repository: 'a' };
  const may = (list: Permission[]) =>
    mayList(policyOf([]), { ...robot, kind: 'token', grants: [{ repository: 'a', permissions: list }] }, target).allow;
  expect(may(['metadata/read'])).toBe(true);
  expect(may(['content/read'])).toBe(true);
  expect(may(['content/write', 'content/delete'])).toBe(false);
});

test('a decision looks only at assignments that concern the principal', () => {
  const issuer = 'https://issuer.example';
  const others = Array.from({ length: 3_000 }, (_, at) => [
    assign('Owner', { principal: { type: 'Identity', id: `other-${at}` } }),
    assign('Owner', { principal: { type: 'Group', issuer, group: `other-${at}` } }),
    assign('Owner', { principal: { type: 'Claims', issuer, claims: { sub: `repo:${at}`, ref: '*' } } }),
    assign('Owner', { principal: { type: 'Claims', issuer: `${issuer}/${at}`, claims: { sub: '*' } } }),
  ]).flat();
  const mine = [
    assign(reader),
    assign(reader, { principal: { type: 'Group', issuer, group: 'mine' } }),
    assign(reader, { principal: { type: 'Claims', issuer, claims: { ref: 'r*', sub: 'me' } } }),
    assign(reader, { principal: { type: 'Claims', issuer, claims: { sub: 'm*' } } }),
  ];
  const caller: Principal = { ...robot, issuer, groups: ['mine'], claims: { sub: 'me', ref: 'rx' } };
  const seen: RoleAssignment[] = [];
  visitAssignments(policyOf([...others, ...mine]), caller, ({ source }) => {
    seen.push(source);
    return false;
  });
  expect(seen).toEqual(mine);
});

test('a policy that is compiled after another takes over what has not changed, and nothing else', () => {
  const condition = conditionFor({ repositories: ['team/*'] });
  const source = (list: RoleAssignment[]) => ({
    registries: [{ name: 'main', id: registryId('main'), roleAssignmentMode: 'AbacRepositoryPermissions' as const }],
    roleDefinitions: [],
    assignments: list,
  });
  const first = compilePolicy(source([assign(reader, { condition }), assign(reader, { condition: 'bad' })]));
  const second = compilePolicy(source([assign(lister, { condition }), assign(reader, { condition: 'bad' })]), first);
  const target = { registry: 'main', repository: 'team/app' };
  expect(decide(second, robot, 'catalog/read', target).allow).toBe(true);
  expect(decide(second, robot, 'content/read', target).allow).toBe(false);
  expect(decide(compilePolicy(source([]), second), robot, 'catalog/read', target).allow).toBe(false);
});
