import { exchangeToken, nullUser } from '../exchange.ts';
import { ambient } from '../proofs/find-proof.ts';
import type { Context } from '../context.ts';
import { readInput } from '../read-input.ts';
import { registryAddress } from '../registry-address.ts';
import { surroundingsOf } from '../surroundings.ts';
import { forgetLogin, readLogins } from './logins.ts';
import { placesOf } from './places.ts';

export type Verb = 'get' | 'store' | 'erase' | 'list' | 'version';

/** By these words clients know that there is nothing for a registry, which is no failure. */
const notFound = 'credentials not found in native keychain';

const maxInputBytes = 256 * 1024;

/**
 * The protocol of docker-credential-helpers: a verb, a registry or JSON on standard input, JSON or an error on standard
 * output. Resolves with whether it succeeded.
 */
export async function helpClient(context: Context, verb: Verb): Promise<boolean> {
  try {
    context.write(await answer(context, verb));
    return true;
  } catch (error) {
    context.write((error as Error).message);
    return false;
  }
}

async function answer(context: Context, verb: Verb): Promise<string> {
  const { logins } = placesOf(context.environment);
  if (verb === 'version') return 'docker-credential-bonded 1';
  if (verb === 'list') {
    const hosts = [...(await readLogins(logins)).keys()];
    return JSON.stringify(Object.fromEntries(hosts.map((host) => [host, nullUser])));
  }
  const input = (await readInput(context.process.stdin, maxInputBytes)).trim();
  if (verb === 'store') {
    throw new Error('passwords are not stored here; log in by: bonded login HOST');
  }
  if (input === '') throw new Error('no credentials server URL');
  if (verb === 'erase') {
    await forgetLogin(logins, hostOf(input));
    return '';
  }
  return JSON.stringify({
    ServerURL: input,
    Username: nullUser,
    Secret: await newToken(context, logins, hostOf(input)),
  });
}

/** Clients name a registry by its host, some as a URL. */
function hostOf(input: string): string {
  return input
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
}

async function newToken(context: Context, logins: string, host: string): Promise<string> {
  const login = (await readLogins(logins)).get(host);
  if (!login) throw new Error(notFound);
  const { method, origin, ca, ...rest } = login;
  const registry = { ...registryAddress(origin), host };
  const surroundings = surroundingsOf(context, ca);
  const proof = await ambient[method]({ registry, ...rest }, surroundings);
  if (!proof) throw new Error(`there is no token of the method ${method} here; log in again: bonded login ${host}`);
  return (await exchangeToken(surroundings.call, registry, proof.token)).token;
}
