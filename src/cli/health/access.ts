import { catalogScope, repositoryScope } from '../content/index.ts';
import type { Context } from '../context.ts';
import { claimsOf } from '../exchange.ts';
import { accessToken, findLogin, type Login, type Place } from '../find-login.ts';
import { shown } from '../output/index.ts';
import { failed, type Finding, ok, warning } from './finding.ts';

/** What clients do in a repository (acr §2.3). */
const actions = ['pull', 'push', 'delete', 'metadata_read', 'metadata_write'] as const;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Logs in as commands do. */
export async function checkLogin(context: Context, place: Place): Promise<[Finding, login?: Login]> {
  const { host } = place.server;
  try {
    const login = await findLogin(context, place);
    return [ok('refresh token', `${host} knows who you are`), login];
  } catch (error) {
    const said = messageOf(error);
    // Most say it themselves.
    const fix = said.includes('bonded login') ? null : `log in again: bonded login ${host}`;
    return [failed('refresh token', 'CONNECTIVITY_REFRESH_TOKEN_ERROR', said, fix)];
  }
}

/** Gets an access token, and shows it. */
export async function checkToken(login: Login): Promise<Finding> {
  const check = 'access token';
  const { server, surroundings } = login;
  const fix = `log in again: bonded login ${server.host}`;
  let token: string | undefined;
  try {
    token = await accessToken(login, catalogScope);
  } catch (error) {
    return failed(check, 'CONNECTIVITY_ACCESS_TOKEN_ERROR', messageOf(error), fix);
  }
  if (token === undefined) {
    return failed(check, 'CONNECTIVITY_ACCESS_TOKEN_ERROR', `${server.host} gives no access token`, fix);
  }
  const headers = { authorization: `Bearer ${token}` };
  const answer = await surroundings.call(`${server.origin}/v2/`, { headers }).catch(() => undefined);
  if (answer?.status === 200) return ok(check, `${server.host} gives one, and accepts it`);
  const how = answer ? `with ${answer.status}` : 'with nothing';
  return failed(check, 'CONNECTIVITY_ACCESS_TOKEN_ERROR', `${server.host} answers its own token ${how}`, fix);
}

/** What one may do in a repository, which in ABAC mode has to be asked for each one. */
export async function checkRepository(login: Login, repository: string): Promise<Finding> {
  const check = `repository ${repository}`;
  const token = await accessToken(login, repositoryScope(repository, ...actions)).catch(() => undefined);
  const granted = new Set(grantedIn(token, repository));
  const [may, mayNot] = [actions.filter((one) => granted.has(one)), actions.filter((one) => !granted.has(one))];
  const fix = `bonded access explain says why; bonded role assignment create gives a role`;
  if (may.length === 0) {
    return failed(check, 'CONNECTIVITY_ACCESS_TOKEN_ERROR', 'you may do nothing in it', fix);
  }
  const said = `you may ${may.join(', ')}${mayNot.length === 0 ? '' : `; not ${mayNot.join(', ')}`}`;
  return granted.has('pull') ? ok(check, said) : warning(check, 'CONNECTIVITY_ACCESS_TOKEN_ERROR', said, fix);
}

function grantedIn(token: string | undefined, repository: string): string[] {
  const access = claimsOf(token ?? '')?.['access'];
  if (!Array.isArray(access)) return [];
  return (access as { type?: unknown; name?: unknown; actions?: unknown }[]).flatMap(({ type, name, actions: given }) =>
    type === 'repository' && name === repository && Array.isArray(given) ? given.map((one) => shown(String(one))) : [],
  );
}
