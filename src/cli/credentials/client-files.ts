import { expiryOf, nullUser } from '../exchange.ts';
import { editJson, isJson, type Json, objectAt, readJson, removeAt } from './json-file.ts';
import type { Places } from './places.ts';
import { eraseInHelper, storeInHelper } from './native-store.ts';

/** `docker-credential-bonded`, as clients name it. */
export const helperName = 'bonded';

type Environment = Readonly<Record<string, string | undefined>>;

/** Lets clients ask `docker-credential-bonded` for a host. Resolves with the files that say so. */
export async function useHelper({ dockerConfig, containersAuth }: Places, host: string): Promise<string[]> {
  for (const path of [dockerConfig, containersAuth]) {
    await editJson(path, (json) => {
      objectAt(json, 'credHelpers')[host] = helperName;
      removeToken(json, host);
    });
  }
  return [dockerConfig, containersAuth];
}

/**
 * Puts a token where clients look for passwords, as `az acr login` does by `docker login`: into the helper that Docker's
 * configuration names for the host, else into the files. Resolves with where it is.
 */
export async function storeToken(
  { dockerConfig, containersAuth }: Places,
  host: string,
  token: string,
  environment: Environment,
): Promise<string[]> {
  const helper = foreignHelper(await readJson(dockerConfig), host);
  if (helper !== undefined) await storeInHelper(helper, { host, user: nullUser, secret: token }, environment);
  const entry = { auth: Buffer.from(`${nullUser}:${token}`).toString('base64') };
  await editJson(dockerConfig, (json) => {
    if (isOurs(json, host)) removeAt(json, 'credHelpers', host);
    // What a helper keeps is an empty entry here, as Docker writes it.
    objectAt(json, 'auths')[host] = helper === undefined ? entry : {};
  });
  await editJson(containersAuth, (json) => {
    removeAt(json, 'credHelpers', host);
    objectAt(json, 'auths')[host] = entry;
  });
  return [helper === undefined ? dockerConfig : `docker-credential-${helper}`, containersAuth];
}

/** The token that `storeToken` has left for a host; the second file has it wherever Docker keeps its own. */
export async function storedToken({ containersAuth }: Places, host: string): Promise<string | undefined> {
  const auths = (await readJson(containersAuth))?.['auths'];
  const entry = isJson(auths) ? auths[host] : undefined;
  const auth = isJson(entry) ? entry['auth'] : undefined;
  if (typeof auth !== 'string') return undefined;
  const pair = Buffer.from(auth, 'base64').toString();
  return pair.startsWith(`${nullUser}:`) ? pair.slice(nullUser.length + 1) : undefined;
}

/** Undoes both. Passwords that others have stored for the host stay. Resolves with whether there was anything. */
export async function forgetHost(
  { dockerConfig, containersAuth }: Places,
  host: string,
  environment: Environment,
): Promise<boolean> {
  const docker = await readJson(dockerConfig);
  const helper = foreignHelper(docker, host);
  const auths = docker?.['auths'];
  let found = false;
  if (helper !== undefined && isJson(auths) && Object.hasOwn(auths, host)) {
    found = await eraseInHelper(helper, host, nullUser, environment);
    if (found) await editJson(dockerConfig, (json) => removeAt(json, 'auths', host));
  }
  for (const path of [dockerConfig, containersAuth]) {
    if ((await readJson(path)) === undefined) continue;
    await editJson(path, (json) => {
      if (isOurs(json, host)) {
        found = true;
        removeAt(json, 'credHelpers', host);
      }
      found = removeToken(json, host) || found;
    });
  }
  return found;
}

/** The helper in which Docker keeps what is for a host, if it is not ours. */
function foreignHelper(json: Json | undefined, host: string): string | undefined {
  const helpers = json?.['credHelpers'];
  const own = isJson(helpers) ? helpers[host] : undefined;
  const name = typeof own === 'string' && own !== helperName ? own : json?.['credsStore'];
  return typeof name === 'string' && /^[\w.-]{1,64}$/.test(name) ? name : undefined;
}

function isOurs(json: Json, host: string): boolean {
  const helpers = json['credHelpers'];
  return isJson(helpers) && helpers[host] === helperName;
}

/** Removes a token that we stored, and nothing that a person did. */
function removeToken(json: Json, host: string): boolean {
  const auths = json['auths'];
  if (tokenIn(isJson(auths) ? auths[host] : undefined) === undefined) return false;
  removeAt(json, 'auths', host);
  return true;
}

/** The token in an entry of `auths`; undefined where it has a password of somebody. */
function tokenIn(entry: unknown): string | undefined {
  const auth = isJson(entry) ? entry['auth'] : undefined;
  const text = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString() : '';
  return text.startsWith(`${nullUser}:`) ? text.slice(nullUser.length + 1) : undefined;
}
