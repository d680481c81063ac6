import { resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import type { Context } from '../context.ts';
import { ambient } from '../proofs/find-proof.ts';
import type { FindProof, ProofRequest, Surroundings } from '../proofs/proof.ts';
import { registryAddress } from '../registry-address.ts';
import { surroundingsOf } from '../surroundings.ts';
import type { LoginFlags } from './flags.ts';
import { keepLogin } from './keep-login.ts';
import { proveBy, proveByAny, type Session } from './prove.ts';

export const defaultHost = '127.0.0.1:5000';

/** `bonded login`. Throws an Error for whoever runs it. */
export async function logIn(context: Context, flags: LoginFlags, typed = defaultHost): Promise<void> {
  const registry = registryAddress(typed, flags);
  const { environment } = context;
  const ca = flags.ca === undefined ? undefined : resolve(flags.ca);
  const surroundings = surroundingsOf(context, ca);
  const request: ProofRequest = {
    registry,
    audience: flags.audience ?? environment['BONDED_LOGIN_AUDIENCE'] ?? 'bonded',
    data: flags.data,
    tokenFile: flags.tokenFile,
    issuer: flags.issuer ?? environment['BONDED_LOGIN_ISSUER'],
    clientId: flags.clientId,
    tenantId: flags.tenantId,
  };
  const session = await prove(context, flags, request, surroundings);
  const { token } = session.refresh;
  if (flags.exposeToken) return context.write(JSON.stringify({ accessToken: token, loginServer: registry.host }));
  if (flags.printToken) return context.write(token);
  await keepLogin(context, request, session, ca);
}

async function prove(
  context: Context,
  { method }: LoginFlags,
  request: ProofRequest,
  surroundings: Surroundings,
): Promise<Session> {
  const { host } = request.registry;
  if (method === 'auto') {
    const session = await proveByAny(request, surroundings);
    if (session) return session;
    throw new Error(
      `nothing here says to ${host} who you are. On the machine of the server, as its user, name its data directory (--data); ` +
        'in a workload, see --method for the tokens that are known; as a person, name your identity provider ' +
        '(--issuer URL --client-id ID)',
    );
  }
  const find = method === 'token-stdin' ? fromStandardInput(context) : (ambient as Record<string, FindProof>)[method];
  const session = find && (await proveBy([method, find], request, surroundings));
  if (session) return session;
  throw new Error(`there is no token of the method ${method} here; bonded login --help lists the others`);
}

function fromStandardInput({ process }: Context): FindProof {
  return async () => {
    const token = (await readAll(process.stdin)).trim();
    if (token === '') throw new Error('standard input is empty; write the token to it');
    return { token, who: 'whoever the token on standard input is of' };
  };
}
