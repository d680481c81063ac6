import { resolve } from 'node:path';
import { type Context, defaultHost } from '../context.ts';
import { readProvider } from '../credentials/logins.ts';
import { placesOf } from '../credentials/places.ts';
import { ambient } from '../proofs/find-proof.ts';
import type { FindProof, ProofRequest, Surroundings } from '../proofs/proof.ts';
import { readInput } from '../read-input.ts';
import { registryAddress } from '../registry-address.ts';
import { surroundingsOf } from '../surroundings.ts';
import type { LoginFlags } from './flags.ts';
import { askForProvider, personProof } from './interactive.ts';
import { keepLogin } from './keep-login.ts';
import { proveBy, proveByAny, type Session } from './prove.ts';

/** Longest token of any platform. */
const maxTokenBytes = 64 * 1024;

/** `bonded login`. Throws an Error for whoever runs it. */
export async function logIn(context: Context, flags: LoginFlags, typed?: string): Promise<void> {
  const registry = registryAddress(typed ?? defaultHost(context), flags);
  const { environment } = context;
  const ca = flags.ca === undefined ? undefined : resolve(flags.ca);
  const surroundings = surroundingsOf(context, ca);
  const before = await readProvider(placesOf(environment).logins, registry.host);
  const request: ProofRequest = {
    registry,
    data: flags.data,
    tokenFile: flags.tokenFile,
    tenantId: flags.tenantId,
    audience: flags.audience ?? environment['BONDED_LOGIN_AUDIENCE'],
    issuer: flags.issuer ?? environment['BONDED_LOGIN_ISSUER'],
    clientId: flags.clientId,
    scope: flags.scope,
  };
  const session = await prove(context, flags, request, before, surroundings);
  const { token } = session.refresh;
  if (flags.exposeToken) return context.write(JSON.stringify({ accessToken: token, loginServer: registry.host }));
  if (flags.printToken) return context.write(token);
  await keepLogin(context, session, ca);
}

type Known = Awaited<ReturnType<typeof readProvider>>;

async function prove(
  context: Context,
  { method }: LoginFlags,
  request: ProofRequest,
  before: Known,
  surroundings: Surroundings,
): Promise<Session> {
  if (method === 'auto') return proveSomehow(context, request, before, surroundings);
  if (method === 'device' || method === 'browser') {
    return proveByPerson(method, personRequest(request, before, surroundings), surroundings);
  }
  const find = method === 'token-stdin' ? fromStandardInput(context) : ambient[method];
  const session = await proveBy([method, find], request, surroundings);
  if (session) return session;
  throw new Error(`there is no token of the method ${method} here; bonded login --help lists the others`);
}

/** What needs no person first, unless an identity provider is named. */
async function proveSomehow(
  context: Context,
  request: ProofRequest,
  before: Known,
  surroundings: Surroundings,
): Promise<Session> {
  const { host } = request.registry;
  const failures: string[] = [];
  const isNamed = request.issuer !== undefined;
  const session = isNamed ? undefined : await proveByAny(request, surroundings, failures);
  if (session) return session;
  const known = personRequest(request, before, surroundings);
  if (known.issuer !== undefined && known.clientId !== undefined) return proveByPerson('auto', known, surroundings);
  if (failures.length > 0) {
    const [only, ...others] = failures;
    throw new Error(others.length === 0 ? only : ['nothing that was tried is accepted:', ...failures].join('\n  '));
  }
  const told = await askForProvider(context, known);
  if (told) return proveByPerson('auto', { ...known, ...told }, surroundings);
  throw new Error(
    `nothing here says to ${host} who you are. On the machine of the server, as its user, name its data directory (--data); ` +
      'in a workload, see --method for the tokens that are known; as a person, name your identity provider ' +
      '(--issuer URL --client-id ID)',
  );
}

/** With what is known of the identity provider from the environment, or from the last time. */
function personRequest(request: ProofRequest, before: Known, { environment }: Surroundings): ProofRequest {
  const clientId = request.clientId ?? environment['BONDED_LOGIN_CLIENT_ID'];
  if (request.issuer !== undefined && request.issuer !== before?.issuer) return { ...request, clientId };
  return {
    ...request,
    issuer: before?.issuer,
    clientId: clientId ?? before?.clientId,
    scope: request.scope ?? before?.scope,
    audience: request.audience ?? before?.audience,
  };
}

async function proveByPerson(
  method: 'device' | 'browser' | 'auto',
  request: ProofRequest,
  surroundings: Surroundings,
): Promise<Session> {
  const session = await proveBy([method === 'auto' ? 'a person' : method, personProof(method)], request, surroundings);
  return session!;
}

function fromStandardInput({ process }: Context): FindProof {
  return async () => {
    const token = (await readInput(process.stdin, maxTokenBytes)).trim();
    if (token === '') throw new Error('standard input is empty; write the token to it');
    return { token, who: 'whoever the token on standard input is of' };
  };
}
