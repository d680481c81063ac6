import { parseScopeMapActions, systemScopeMaps } from '../access/index.ts';
import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { armKey, ManagementError, parseArmId } from '../operations/index.ts';
import { builtInResource, type Mirror, type Resource, type ResourceBody } from '../resources/index.ts';
import { registryType } from '../registries/index.ts';
import { scopeMapType, tokenType } from './contract.ts';
import type { Directory } from './directory.ts';
import type { PasswordOwner, Passwords, Slot } from './passwords.ts';

export interface TokenHandlerOptions {
  mirror: Mirror;
  directory(): Directory;
  passwords: Passwords;
}

interface Context {
  tx: Transaction;
  id: string;
}

interface WriteContext extends Context {
  secrets: Record<string, unknown>;
}

/** Scope maps (acr §2.5); each registry has some from the beginning. */
export function scopeMapHandlers() {
  return {
    builtIns({ id }: { id: string }): readonly Resource[] {
      const arm = parseArmId(id);
      const isMap = arm?.type.toLowerCase() === scopeMapType.type.toLowerCase();
      const registry = (isMap ? arm?.parent : id) ?? '/';
      return Object.entries(systemScopeMaps).map(([name, map]) =>
        builtInResource(`${registry}/scopeMaps/${name}`, { ...map }, { system: true }),
      );
    },
    beforeWrite(_: unknown, { properties }: ResourceBody): void {
      try {
        parseScopeMapActions(properties['actions'] as string[]);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        throw new ManagementError('InvalidRequestContent', error.message, { target: 'properties.actions' });
      }
    },
    present: ({ own, createdAt }: Resource) => ({
      type: own?.['system'] === true ? 'SystemDefined' : 'UserDefined',
      creationDate: new Date(createdAt).toISOString(),
    }),
  };
}

/** Repository-scoped tokens. Their passwords are made by an action of the registry, and go with them. */
export function tokenHandlers({ mirror, directory, passwords }: TokenHandlerOptions) {
  return {
    beforeWrite({ id }: Context, { properties }: ResourceBody): void {
      const { scopeMapId } = properties as { scopeMapId: string };
      const map = parseArmId(scopeMapId);
      const registry = parseArmId(id)!.parent!;
      const isMap = map?.type.toLowerCase() === scopeMapType.type.toLowerCase();
      const ours = map !== undefined && isMap && armKey(map.parent ?? '') === armKey(registry);
      if (ours && (Object.hasOwn(systemScopeMaps, map.name) || mirror.get(map.id))) return;
      throw new ManagementError(
        'InvalidRequestContent',
        'properties.scopeMapId is no scope map of this registry; bonded scope-map list shows them',
        { target: 'properties.scopeMapId' },
      );
    },
    /** How `az acr token credential delete` takes passwords away: a write that names the rest. A new token has none. */
    async afterWrite({ tx, secrets }: WriteContext, resource: Resource, previous: Resource | undefined): Promise<void> {
      const { passwords: named } = (secrets['credentials'] ?? {}) as { passwords?: { name: Slot }[] };
      const kept = previous ? named?.map(({ name }) => name) : [];
      const owner = kept && ownerOf(directory(), resource);
      if (owner) await passwords.drop(tx, owner, kept);
    },
    async present(resource: Resource): Promise<Record<string, unknown>> {
      const owner = ownerOf(directory(), resource);
      const known = owner ? await passwords.list(owner) : [];
      return {
        creationDate: new Date(resource.createdAt).toISOString(),
        credentials: { passwords: known.map(shown), certificates: [] },
      };
    },
    async afterDelete({ tx }: Context, gone: readonly Resource[]): Promise<void> {
      await dropPasswords(tx, directory(), passwords, gone);
    },
  };
}

/** Passwords go with the tokens and registries whose they were. */
export async function dropPasswords(
  tx: Transaction,
  directory: Directory,
  passwords: Passwords,
  gone: readonly Resource[],
): Promise<void> {
  for (const resource of gone) {
    const owner = ownerOf(directory, resource);
    if (owner) await passwords.drop(tx, owner);
  }
}

/** Whose passwords a resource has; undefined of what has none. */
export function ownerOf(directory: Directory, { id, type, name, parent, key }: Resource): PasswordOwner | undefined {
  const isToken = type.toLowerCase() === tokenType.type.toLowerCase();
  if (!isToken && type.toLowerCase() !== registryType.type.toLowerCase()) return undefined;
  const registry = directory.registryAt(isToken ? parent : key);
  return registry && { registryId: registry.id, kind: isToken ? 'token' : 'admin', name: parseArmId(id)?.name ?? name };
}

const iso = (at: number) => new Date(at).toISOString();

/** A password as it may be shown: all but itself (acr §2.5). */
export function shown({ slot, createdAt, expiresAt, lastUsedAt }: Awaited<ReturnType<Passwords['list']>>[number]) {
  return {
    name: slot satisfies Slot,
    creationTime: iso(createdAt),
    ...(expiresAt !== undefined && { expiry: iso(expiresAt) }),
    ...(lastUsedAt !== undefined && { lastUsedTime: iso(lastUsedAt) }),
  };
}
