import type { Caller } from './caller.ts';
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
  { directory, passwords }: Identification,
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
  // Said only to somebody who has the password.
  if (kind === 'admin' && !registry.adminUserEnabled) return { ok: false, refusal: adminDisabled };
  const token = directory().token(registryId, user);
  if (kind === 'token' && !token?.enabled)
    return refused('token_disabled', 'the token is disabled; enable it, or use another');
  const name = kind === 'admin' ? registry.name : token!.name;
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
