import {
  conditionFor,
  explain,
  explainManagement,
  type Explanation,
  type Permission,
  permissions,
  registryScopes,
  repositoryFilter,
  scopeActions,
} from '../../access/index.ts';
import { isRepositoryName } from '../../oci/index.ts';
import { commandLine, ManagementError, parseArmId } from '../../operations/index.ts';
import { type ExplainedAccess, type RegistryFacts, registryType } from '../../registries/index.ts';
import type { Mirror, Resource } from '../../resources/index.ts';
import type { Directory } from '../directory.ts';
import { findPrincipal, type Found, type Whom } from './whom.ts';

export interface ExplainOptions {
  mirror: Mirror;
  directory(): Directory;
}

/** The handlers of both actions that explain access: to the data of a registry, and to what is managed. */
export function explainHandlers({ mirror, directory }: ExplainOptions) {
  return {
    explainAccess(_: unknown, input: unknown, resource: Resource): ExplainedAccess {
      const known = directory();
      const registry = known.registryAt(resource.key);
      if (!registry) throw new ManagementError('Conflict', `${resource.name} is not served yet; try again in a second`);
      const asked = input as Whom & { action: string; repository?: string };
      const found = findPrincipal(known, registry, asked);
      return explainData(known, mirror, registry, found, readPermission(asked.action), readRepository(asked));
    },
    explainManagement(_: unknown, input: unknown): ExplainedAccess {
      const asked = input as Whom & { action: string; scope: string };
      const found = findPrincipal(directory(), undefined, asked);
      const said = explainManagement(directory().policy, found.principal, asked.action, asked.scope);
      return shown(found, said, { action: asked.action, scope: asked.scope }, undefined);
    },
  };
}

function explainData(
  { policy, tokens }: Directory,
  mirror: Mirror,
  registry: RegistryFacts,
  found: Found,
  permission: Permission,
  repository: string | undefined,
): ExplainedAccess {
  const { principal } = found;
  const said = explain(policy, principal, permission, { registry: registry.name, ...(repository && { repository }) });
  const notes = [...found.notes];
  const reads = explain(policy, principal, 'content/read', {
    registry: registry.name,
    ...(repository && { repository }),
  });
  if (permission === 'content/write' && said.allow && !reads.allow) {
    notes.push('it may push and not pull: most clients look at what is there first, and fail');
  }
  if (permission === 'catalog/read' && !said.allow && !repositoryFilter(policy, principal, registry.name).none) {
    notes.push('the catalog still shows it the repositories that it may read');
  }
  const asked = { action: permission, scope: registry.resourceId, repository };
  const isToken = principal.kind === 'token' && tokens.some(({ name }) => name === principal.name);
  const grant = isToken ? scopeMapCommand(mirror, registry, principal.name, permission, repository) : undefined;
  return shown({ ...found, notes }, said, asked, grant);
}

interface Asked {
  action: string;
  scope: string;
  repository?: string | undefined;
}

function shown(found: Found, said: Explanation, asked: Asked, grant: string | undefined): ExplainedAccess {
  const { principal, enabled, notes } = found;
  const { kind, id, name } = principal;
  const allowed = said.allow && enabled;
  const suggestion = said.allow ? undefined : (roleSuggestion(found, said, asked) ?? (grant && { command: grant }));
  return {
    allowed,
    message: said.allow && !enabled ? `${kind} ${JSON.stringify(name)} can do nothing: ${notes[0]}` : said.message,
    principal: { kind, id, name, enabled },
    action: asked.action,
    scope: asked.scope,
    ...(asked.repository !== undefined && { repository: asked.repository }),
    ...(said.mode !== undefined && { mode: said.mode }),
    ...(allowed && said.by !== undefined && { by: said.by }),
    reasons: said.reasons.map((reason) => ({ ...reason })),
    notes,
    ...(suggestion && { suggestion }),
  };
}

/** The command that grants it, bounded to the repository. */
function roleSuggestion({ assignee }: Found, { suggestion }: Explanation, { action, scope, repository }: Asked) {
  if (!suggestion || !assignee) return undefined;
  const isBounded = repository !== undefined && /^(?:content|metadata)\//.test(action);
  const condition = isBounded ? conditionFor({ repositories: [repository] }).replaceAll(/\s+/g, ' ') : undefined;
  const { id: roleDefinitionId, roleName } = suggestion;
  const registry = parseArmId(scope);
  const isRegistry = registry?.type === registryType.type;
  const at = isRegistry ? ['--registry', registry.name] : ['--scope', scope];
  // The command writes the condition by itself: nobody can read it in a shell's quotes.
  const bound = isBounded ? ['--repository', repository] : [];
  const words = ['bonded', 'role', 'assignment', 'create', ...assignee, '--role', roleName];
  const command = commandLine([...words, ...at, ...bound]);
  return { roleDefinitionId, roleName, ...(condition !== undefined && { condition }), command };
}

/** What adds it to the scope map of a token; undefined of maps that cannot be changed, and for what is in none. */
function scopeMapCommand(
  mirror: Mirror,
  { name: registry, resourceId }: RegistryFacts,
  token: string,
  permission: Permission,
  repository: string | undefined,
): string | undefined {
  const properties = mirror.get(`${resourceId}/tokens/${token}`)?.properties;
  const map = parseArmId(String(properties?.['scopeMapId']));
  if (!map || !mirror.get(map.id) || repository === undefined) return undefined;
  const of = ['--name', map.name, '--registry', registry];
  return commandLine(['bonded', 'acr', 'scope-map', 'update', ...of, '--add-repository', repository, permission]);
}

/** The words of scope strings, and the names of permissions. */
function readPermission(action: string): Permission {
  const byScope: Record<string, Permission> = { ...scopeActions, ...registryScopes };
  if (Object.hasOwn(byScope, action)) return byScope[action]!;
  if ((permissions as readonly string[]).includes(action)) return action as Permission;
  const known = [...Object.keys(byScope), ...permissions].join(', ');
  throw new ManagementError('InvalidRequestContent', `there is no action ${action} on data; there are ${known}`, {
    target: 'action',
  });
}

function readRepository({ repository }: { repository?: string }): string | undefined {
  if (repository === undefined || isRepositoryName(repository)) return repository;
  throw new ManagementError('InvalidRequestContent', 'repository is no name of a repository, such as team/app', {
    target: 'repository',
  });
}
