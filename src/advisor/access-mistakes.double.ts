import { expect } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { makeIssuer, registry } from '../../test/support/management.ts';
import { groupScope } from '../operations/index.ts';
import type { AdviceRig } from './advice-rig.double.ts';
import type { Mistake } from './mistake.double.ts';

const reader = 'Container Registry Repository Reader';
const writer = 'Container Registry Repository Writer';
const condition =
  "(!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/write'})) OR " +
  "(@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWithIgnoreCase 'team/')";
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

async function identity({ manage }: AdviceRig, name = 'builder', status = 'enabled') {
  return { principalId: await manage.identity(name, status) };
}

async function githubClaims({ manage }: AdviceRig, claims: Record<string, string>) {
  const { issuer, properties } = await makeIssuer();
  await manage.trust('github', { ...properties, preset: 'github' });
  return { principalType: 'Claims', issuer, claims };
}

/** Shows a password, as a client would. */
async function logIn({ server }: AdviceRig, name: string, password: string) {
  const headers = { Authorization: `Basic ${btoa(`${name}:${password}`)}` };
  expect((await fetch(`${server.url}/v2/`, { headers })).status).toBe(200);
}

/** Who may do too much, or by what. */
export const accessMistakes: readonly Mistake[] = [
  {
    check: 'admin-user-enabled',
    impact: 'High',
    make: ({ manage }) => manage.patch(registry, { adminUserEnabled: true }),
  },
  {
    check: 'anonymous-pull',
    impact: 'Medium',
    make: ({ manage }) => manage.patch(registry, { anonymousPullEnabled: true }),
  },
  {
    check: 'anonymous-pull-repositories',
    impact: 'Low',
    make: ({ manage }) => manage.patch(registry, { anonymousPullRepositories: ['samples/*', 'docs'] }),
  },
  {
    check: 'password-in-use',
    impact: 'Medium',
    fine: ({ manage }) => manage.token('unused', ['repositories/a/content/read']),
    make: async (rig) =>
      logIn(rig, 'legacy', await rig.manage.token('legacy', ['repositories/a/content/read'], inAnHour())),
  },
  {
    check: 'password-in-use',
    impact: 'Medium',
    async make(rig) {
      await rig.manage.patch(registry, { adminUserEnabled: true });
      const made = (await rig.manage.post(`${registry}/listCredentials`, {})) as { passwords: { value: string }[] };
      await logIn(rig, 'default', made.passwords[0]!.value);
    },
  },
  {
    check: 'password-never-expires',
    impact: 'Medium',
    fine: ({ manage }) => manage.token('short', ['repositories/a/content/read'], inAnHour()),
    make: ({ manage }) => manage.token('legacy', ['repositories/a/content/read']),
  },
  {
    check: 'password-unused',
    impact: 'Low',
    async fine({ manage, age }) {
      await manage.token('legacy', ['repositories/a/content/read']);
      await age(80);
    },
    make: ({ age }) => age(11),
  },
  {
    check: 'open-push',
    impact: 'High',
    fine: async (rig) => rig.manage.assign(writer, { ...(await identity(rig)), condition }),
    make: async (rig) => rig.manage.assign(writer, await githubClaims(rig, { repository: '*' })),
  },
  {
    check: 'open-push',
    impact: 'High',
    make: async (rig) =>
      rig.manage.assign(writer, await githubClaims(rig, { repository: '*/app', ref: 'refs/heads/main' })),
  },
  {
    check: 'open-claims',
    impact: 'Medium',
    make: async (rig) => rig.manage.assign(reader, await githubClaims(rig, { sub: '*' })),
  },
  {
    check: 'workload-manages',
    impact: 'High',
    fine: async (rig) => rig.manage.assign('Owner', { ...(await identity(rig)), principalType: 'User' }),
    make: async (rig) => rig.manage.assign('Owner', await identity(rig, 'robot')),
  },
  {
    check: 'workload-manages',
    impact: 'Medium',
    make: async (rig) => rig.manage.assign('Contributor', await identity(rig)),
  },
  {
    check: 'workload-manages',
    impact: 'High',
    fine: async (rig) => rig.manage.assign('Reader', await identity(rig), groupScope),
    make: async (rig) => rig.manage.assign('Managed Identity Contributor', await identity(rig), groupScope),
  },
  {
    check: 'push-to-all-registries',
    impact: 'Medium',
    fine: async (rig) => rig.manage.assign(writer, await identity(rig)),
    make: async (rig) => rig.manage.assign(writer, await identity(rig), groupScope),
  },
  {
    check: 'push-without-condition',
    impact: 'Medium',
    fine: async (rig) => rig.manage.assign(writer, { ...(await identity(rig)), condition }),
    make: async (rig) => rig.manage.assign(writer, await identity(rig, 'robot')),
  },
  {
    check: 'push-without-condition',
    impact: 'Medium',
    fine: async (rig) => rig.manage.assign('AcrPush', await identity(rig)),
    make: ({ manage }) => manage.patch(registry, { roleAssignmentMode: 'LegacyRegistryPermissions' }),
  },
  {
    check: 'unused-right',
    impact: 'Low',
    async fine(rig) {
      await rig.manage.assign(reader, await identity(rig));
      await rig.age(80);
    },
    make: ({ age }) => age(11),
  },
  {
    check: 'right-of-nobody',
    impact: 'Low',
    fine: async (rig) => rig.manage.assign(reader, await identity(rig)),
    make: (rig) => identity(rig, 'builder', 'disabled'),
  },
  {
    check: 'right-of-nobody',
    impact: 'Low',
    fine: async (rig) => rig.manage.assign(reader, await identity(rig)),
    make: ({ bonded }) => bonded('identity delete --name builder --yes'),
  },
  {
    check: 'open-federated-credential',
    impact: 'High',
    async fine(rig) {
      const { issuer } = await githubClaims(rig, {});
      await identity(rig);
      const subject = 'repo:acme/app:ref:refs/heads/main';
      await rig.manage.credential('builder', 'main', { issuer, subject });
    },
    make: ({ manage }) => manage.credential('builder', 'open', { issuer: 'https://issuer.test', subject: 'repo:*' }),
  },
];
