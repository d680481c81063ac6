import { parseArmScope, reachOf, roleGivesAction } from '../../access/index.ts';
import type { Check, Finding } from '../../operations/index.ts';
import { isOpen, reviewPattern } from '../federation/index.ts';
import { unusedMs } from './passwords.ts';
import type { AccessSnapshot, AssignmentFacts } from './snapshot.ts';

const assignsRoles = 'Microsoft.Authorization/roleAssignments/write';
const writesCredentials = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write';
const writesRegistries = 'Microsoft.ContainerRegistry/registries/write';

/** Rights that are wider than they need be. */
export const assignmentChecks: readonly Check<AccessSnapshot>[] = [
  {
    id: 'open-push',
    severity: 'high',
    title: 'Nearly anybody may push',
    why:
      'The claims that the assignment asks for fit people whom nobody here knows, and what they push is run by others. ' +
      'Assign the role to an identity whose federated credential names one repository, project or account.',
    look: (snapshot) =>
      snapshot.assignments.flatMap((one) => {
        const open = openness(one, snapshot);
        if (open === undefined || !pushes(one, snapshot)) return [];
        return [findingOf(one, `May push, and ${open}`)];
      }),
  },
  {
    id: 'open-claims',
    severity: 'medium',
    title: 'Nearly anybody has a role',
    why:
      'The claims that the assignment asks for fit people whom nobody here knows. Name what stays with one repository, ' +
      'project or account.',
    look: (snapshot) =>
      snapshot.assignments.flatMap((one) => {
        const open = openness(one, snapshot);
        if (open === undefined || pushes(one, snapshot)) return [];
        return [findingOf(one, `Has a role, and ${open}`)];
      }),
  },
  {
    id: 'workload-manages',
    severity: 'high',
    title: 'A workload manages registries or access',
    why:
      'Whoever takes over the workload gives themselves whatever they want. Assign a role for the content alone, such as ' +
      'Container Registry Repository Writer, with a condition.',
    look: ({ assignments, policy }) =>
      assignments.flatMap((one) => {
        if (!one.isWorkload) return [];
        const gives = (action: string) => roleGivesAction(policy, one.source.roleDefinitionId, action);
        if (gives(assignsRoles)) return [findingOf(one, 'Is a workload, and may assign roles')];
        // Identities lie beside registries.
        if (gives(writesCredentials) && isAboveRegistries(one)) {
          return [findingOf(one, 'Is a workload, and may say whose tokens an identity is that has no role yet')];
        }
        if (!gives(writesRegistries)) return [];
        return [{ ...findingOf(one, 'Is a workload, and may change registries'), severity: 'medium' }];
      }),
  },
  {
    id: 'push-to-all-registries',
    severity: 'medium',
    title: 'A right to push to all registries',
    why: 'It counts for registries that are made tomorrow, too. Assign the role at one registry, with a condition.',
    look: (snapshot) =>
      snapshot.assignments
        .filter((one) => isUnbounded(one, snapshot) && isAboveRegistries(one))
        .map((one) => findingOf(one, 'May push to all repositories of all registries')),
  },
  {
    id: 'push-without-condition',
    severity: 'medium',
    title: 'A right to push without a condition',
    why:
      'It may overwrite what others deploy. Assign the role again with a condition that names the repositories, or a ' +
      'prefix of them: bonded role assignment create has --condition.',
    look: (snapshot) =>
      snapshot.assignments
        .filter((one) => isUnbounded(one, snapshot) && !isAboveRegistries(one))
        .map((one) => findingOf(one, 'May push to all repositories of the registry')),
  },
  {
    id: 'unused-right',
    severity: 'low',
    title: 'A right has not been used for 90 days',
    why: 'What is not needed can only do harm. Where another assignment gives the same, one of them is enough.',
    look: ({ assignments, now }) =>
      assignments
        .filter(({ updatedAt, lastUsedAt }) => now - Math.max(updatedAt, lastUsedAt ?? 0) > unusedMs)
        .map((one) => findingOf(one, 'Has not used this right for 90 days')),
  },
  {
    id: 'right-of-nobody',
    severity: 'low',
    title: 'A right of an identity that is disabled or gone',
    why: 'It comes back with the identity, when nobody thinks of it any more. Assign it anew when it is needed.',
    look: ({ assignments, identities }) => {
      const enabled = new Set(identities.filter((one) => one.enabled).map(({ principalId }) => principalId));
      return assignments
        .filter(({ source: { principal } }) => principal.type === 'Identity' && !enabled.has(principal.id))
        .map((one) => findingOf(one, 'Is disabled or gone, and still has this right'));
    },
  },
];

function findingOf({ source, roleName, whom }: AssignmentFacts, problem: string): Finding {
  return {
    resourceId: source.id,
    problem: `${problem}: ${whom}, by the role ${roleName} at ${source.scope}`,
    commands: [['bonded', 'role', 'assignment', 'delete', '--ids', source.id, '--yes']],
  };
}

function pushes({ source }: AssignmentFacts, { policy }: AccessSnapshot): boolean {
  return reachOf(policy, source, 'content/write') !== 'none';
}

function isUnbounded({ source }: AssignmentFacts, { policy }: AccessSnapshot): boolean {
  return reachOf(policy, source, 'content/write') === 'all';
}

function isAboveRegistries({ source: { scope } }: AssignmentFacts): boolean {
  const path = parseArmScope(scope)?.path ?? '';
  return !/\/providers\/microsoft\.containerregistry\/registries\/[^/]+$/.test(path);
}

/** Why the claims of an assignment are open to nearly anybody; undefined where they are not. */
function openness({ source: { principal } }: AssignmentFacts, { presetOf }: AccessSnapshot): string | undefined {
  if (principal.type !== 'Claims') return undefined;
  const { issuer, claims } = principal;
  if (Object.values(claims).every(isOpen)) return 'is everybody for whom the issuer vouches';
  return reviewPattern(presetOf(issuer), { claims }).find(({ severity }) => severity === 'high')?.why;
}
