import type { Caller } from './caller.ts';
import type { Directory } from './directory.ts';
import type { Door, Identification } from './identify.ts';
import type { PasswordOwner } from './passwords.ts';
import { type Identified, type Refusal, refused } from './refusal.ts';

/** Longest user name and password (characters) that are looked at. */
const longest = 256;

/** What is said of every user name and password that is not right, whichever of the two is wrong (acr §2.8). */
const wrong = refused('wrong_password', 'authentication required: the user name or password is not right');

/** Of the admin user, with the right password, where that is off (acr §2.8). */
export const adminDisabled: Refusal = {
  reason: 'admin_disabled',
  message: 'Admin user is disabled',
  answer: 'denied',
};

/** The admin user, whose name is the registry's, or a repository-scoped token. */
export async function identifyPassword(
  { directory, refresh, passwords }: Identification,
  { registryId }: Door,
  user: string,
  password: string,
): Promise<Identified<Caller>> {
  const registry = directory().registry(registryId);
  if (!registry || user.length > longest || password.length > longest) return wrong;
  // No name has any, and PostgreSQL refuses NUL.
  if (/\p{Cc}/u.test(user)) return wrong;
  const kind = user.toLowerCase() === registry.name.toLowerCase() ? 'admin' : 'token';
  const owner: PasswordOwner = { registryId, kind, name: user };
  const found = await passwords.verify(owner, password);
  if (!found) return wrong;
  // Passwords are looked up, and whose they are is not: another process may have made or enabled it a moment ago.
  if (nameOf(directory(), owner) === undefined) await refresh();
  const name = nameOf(directory(), owner);
  // Said only to somebody who has the password.
  if (name === undefined && kind === 'admin') return { ok: false, refusal: adminDisabled };
  if (name === undefined) return refused('token_disabled', 'the token is disabled; enable it, or use another');
  const caller: Caller = {
    registryId,
    kind,
    via: 'password',
    id: kind === 'admin' ? 'admin' : `token:${name}`,
    holder: { kind, name, password: found.id },
    grant: undefined,
    tokenId: found.id,
    mode: undefined,
    endedAt: undefined,
    until: found.expiresAt ?? Number.POSITIVE_INFINITY,
  };
  return { ok: true, caller };
}

/** As it is written, of whom the directory lets in; undefined where that is nobody. */
function nameOf(directory: Directory, { registryId, kind, name }: PasswordOwner): string | undefined {
  const registry = directory.registry(registryId);
  if (kind === 'admin') return registry?.adminUserEnabled ? registry.name : undefined;
  const token = directory.token(registryId, name);
  return token?.enabled ? token.name : undefined;
}
