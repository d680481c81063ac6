import { ManagementError, parseArmId } from '../operations/index.ts';
import { type Mirror, type Resource, resourceNotFound, type Resources } from '../resources/index.ts';
import { tokenType } from './contract.ts';
import type { Directory } from './directory.ts';
import { ownerOf } from './handle-tokens.ts';
import { type Passwords, type Slot, slots } from './passwords.ts';

export interface CredentialHandlerOptions {
  mirror: Mirror;
  resources: Resources;
  directory(): Directory;
  passwords: Passwords;
  now(): number;
}

interface Shown {
  username: string;
  passwords: { name: string; value: string; creationTime?: string; expiry?: string }[];
}

/** The actions of a registry that make passwords (acr §2.4, §2.5). What they answer is shown this once. */
export function credentialActions({ mirror, resources, directory, passwords, now }: CredentialHandlerOptions) {
  async function make(of: Resource, wanted: readonly Slot[], expiresAt?: number) {
    const owner = ownerOf(directory(), of)!;
    const made = await resources.db.write(async (tx) => {
      // Another process may have deleted it: what is made now would be good for the next one of its name.
      await resources.lock(tx);
      const there = await resources.get(of.id, tx);
      if (there?.createdAt !== of.createdAt) throw resourceNotFound(of.id);
      return Promise.all(
        wanted.map(async (slot) => ({ slot, ...(await passwords.generate(tx, owner, slot, expiresAt)) })),
      );
    });
    return made.map(({ slot, value }) => ({
      name: slot,
      value,
      creationTime: new Date(now()).toISOString(),
      ...(expiresAt !== undefined && { expiry: new Date(expiresAt).toISOString() }),
    }));
  }

  return {
    async generateCredentials(_: unknown, input: unknown, registry: Resource): Promise<Shown> {
      const { tokenId, name, expiry } = input as { tokenId: string; name?: Slot; expiry?: string };
      const token = mirror.get(tokenId);
      if (!token || token.type.toLowerCase() !== tokenType.type.toLowerCase() || token.parent !== registry.key) {
        const message = `${parseArmId(tokenId)?.name ?? 'tokenId'} is no token of this registry`;
        throw new ManagementError('ResourceNotFound', message, { target: 'tokenId' });
      }
      const expiresAt = expiry === undefined ? undefined : Date.parse(expiry);
      if (expiresAt !== undefined && !(expiresAt > now())) {
        throw new ManagementError('InvalidRequestContent', 'expiry must be a time to come', { target: 'expiry' });
      }
      return { username: token.name, passwords: await make(token, name ? [name] : slots, expiresAt) };
    },
    /** Passwords are kept by no one: what ACR lists is made anew where there is none, and shown this once. */
    async listCredentials(_: unknown, __: unknown, registry: Resource): Promise<Shown> {
      requireAdmin(directory(), registry);
      const owner = ownerOf(directory(), registry)!;
      const known = await passwords.list(owner);
      const missing = slots.filter((slot) => !known.some((password) => password.slot === slot));
      return { username: registry.name, passwords: adminNames(await make(registry, missing)) };
    },
    async regenerateCredential(_: unknown, input: unknown, registry: Resource): Promise<Shown> {
      requireAdmin(directory(), registry);
      const { name } = input as { name: 'password' | 'password2' };
      const slot = name === 'password' ? 'password1' : 'password2';
      return { username: registry.name, passwords: adminNames(await make(registry, [slot])) };
    },
  };
}

/** ACR calls the admin user's two `password` and `password2`. */
function adminNames(made: Shown['passwords']): Shown['passwords'] {
  return made.map(({ name, value }) => ({ name: name === 'password1' ? 'password' : 'password2', value }));
}

function requireAdmin(directory: Directory, registry: Resource): void {
  if (directory.registryAt(registry.key)?.adminUserEnabled) return;
  throw new ManagementError(
    'Conflict',
    `the admin user of ${registry.name} is disabled; identities need no passwords. To enable it: bonded acr update ` +
      `--name ${registry.name} --admin-enabled true`,
  );
}
