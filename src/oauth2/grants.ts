import { RegistryError } from '../errors/index.ts';
import {
  anonymousCaller,
  type Caller,
  identifyPair,
  identifyToken,
  type Identified,
  issueAccessToken,
  issueRefreshToken,
  offersAnonymousPull,
  type Refusal,
  refusalError,
  rightsOf,
} from '../identity/index.ts';
import { doorOf, type Oauth2Exchange, type Oauth2Options, type TokenOutcome } from './exchange.ts';
import { optionalField, readForm, requireField } from './form.ts';

const noStore = { 'Cache-Control': 'no-store', Pragma: 'no-cache' };

/** `POST /oauth2/exchange`: a refresh token for a token of an identity provider (acr §2.2). */
export async function exchangeToken(options: Oauth2Options, exchange: Oauth2Exchange): Promise<Response> {
  const { identification, lifetimes } = options;
  const form = await readForm(exchange);
  const grantType = requireField(form, 'grant_type');
  const say = (outcome: Partial<TokenOutcome>) => record(options, exchange, 'token.exchange', outcome);
  if (!['access_token', 'access_token_refresh_token', 'refresh_token'].includes(grantType)) {
    throw unsupportedGrant(grantType, ['access_token']);
  }
  requireService(options, exchange, form);
  // The names with refresh_token are deprecated: the token of the provider is what counts.
  const token = requireField(form, grantType === 'refresh_token' ? 'refresh_token' : 'access_token');
  const identified = await identifyToken(identification, doorOf(exchange), token);
  const caller = accepted(identified, (refusal) => say({ refusal }));
  if (caller.via === 'access_token') throw refuse(notExchangeable, (refusal) => say({ caller, refusal }));
  options.admit(exchange, caller);
  const issued = issueRefreshToken(identification, lifetimes, doorOf(exchange), caller);
  say({ caller, issued: issued.id });
  return Response.json({ refresh_token: issued.token }, { headers: noStore });
}

/** `POST /oauth2/token`: an access token for a refresh token, or for a user name and password (acr §2.2). */
export async function grantByPost(options: Oauth2Options, exchange: Oauth2Exchange): Promise<Response> {
  const form = await readForm(exchange);
  const grantType = requireField(form, 'grant_type');
  requireService(options, exchange, form);
  const door = doorOf(exchange);
  const say = (outcome: Partial<TokenOutcome>) => record(options, exchange, 'token.issue', outcome);
  if (grantType === 'refresh_token') {
    const token = requireField(form, 'refresh_token');
    const caller = accepted(await identifyToken(options.identification, door, token), (refusal) => say({ refusal }));
    if (caller.via === 'access_token') throw refuse(notExchangeable, (refusal) => say({ caller, refusal }));
    return grant(options, exchange, caller, form.getAll('scope'));
  }
  if (grantType !== 'password') throw unsupportedGrant(grantType, ['refresh_token', 'password']);
  // What ACR's clients send for nobody.
  if (!form.has('username') && !form.has('password')) return grantToNobody(options, exchange, form.getAll('scope'));
  const user = requireField(form, 'username');
  const password = requireField(form, 'password');
  const identified = await identifyPair(options.identification, door, user, password);
  return grant(
    options,
    exchange,
    accepted(identified, (refusal) => say({ refusal })),
    form.getAll('scope'),
  );
}

/** `GET /oauth2/token`, with Basic credentials or none: what Docker does (acr §2.2). */
export async function grantByGet(options: Oauth2Options, exchange: Oauth2Exchange): Promise<Response> {
  const query = new URLSearchParams(exchange.query);
  requireService(options, exchange, query);
  const authorization = exchange.request.headers.get('authorization');
  const scopes = query.getAll('scope');
  const say = (outcome: Partial<TokenOutcome>) => record(options, exchange, 'token.issue', outcome);
  if (authorization === null) return grantToNobody(options, exchange, scopes);
  const found = options.authenticator.identify(exchange, authorization);
  const identified = found instanceof Promise ? await found : ({ ok: true, caller: found } as const);
  return grant(
    options,
    exchange,
    accepted(identified, (refusal) => say({ refusal })),
    scopes,
  );
}

/** A token for whoever shows nothing, where there is something that everybody may pull. */
function grantToNobody(options: Oauth2Options, exchange: Oauth2Exchange, scopes: readonly string[]) {
  if (offersAnonymousPull(options.identification.directory(), exchange.registryId)) {
    return grant(options, exchange, anonymousCaller(exchange.registryId), scopes);
  }
  const refusal = { reason: 'no_credentials', message: 'authentication required' };
  throw refuse(refusal, (why) => record(options, exchange, 'token.issue', { refusal: why }));
}

const notExchangeable = {
  reason: 'not_exchangeable',
  message: 'an access token of this registry is none to log in with; send a refresh token',
};
const disabled = {
  reason: 'disabled',
  message: 'whoever this was given to is disabled, deleted or no longer trusted; log in as somebody else',
};
const ended = { reason: 'expired', message: 'the token has expired; log in again' };

async function grant(
  options: Oauth2Options,
  exchange: Oauth2Exchange,
  caller: Caller,
  scopes: readonly string[],
): Promise<Response> {
  const say = (outcome: Partial<TokenOutcome>) => record(options, exchange, 'token.issue', { caller, ...outcome });
  options.admit(exchange, caller);
  if (caller.endedAt !== undefined) throw refuse(ended, (refusal) => say({ refusal }));
  const { principal } = rightsOf(caller, options.identification.directory());
  if (!principal) throw refuse(disabled, (refusal) => say({ refusal }));
  const issued = await issueAccessToken(options.identification, options.lifetimes, doorOf(exchange), caller, scopes);
  const granted = issued.access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`);
  say({ issued: issued.id, asked: scopes, granted });
  // ACR says no more than the token; the rest is Docker's, whose clients ask each minute where nothing is said.
  return Response.json({ access_token: issued.token, expires_in: issued.expiresIn }, { headers: noStore });
}

/** A client that means another registry is not to get a token of this one (lesson 24). */
function requireService({ isService }: Oauth2Options, exchange: Oauth2Exchange, fields: URLSearchParams): void {
  const service = optionalField(fields, 'service');
  if (service === undefined || isService(service, exchange.registryId)) return;
  throw new RegistryError('BAD_REQUEST', {
    message: 'service names another registry than the one that was asked; use the service of the challenge',
    detail: { service: service.slice(0, 253) },
  });
}

function unsupportedGrant(given: string, served: readonly string[]): RegistryError {
  return new RegistryError('BAD_REQUEST', {
    message: `grant_type must be ${served.join(' or ')} here`,
    detail: { grant_type: given.slice(0, 64) },
  });
}

function accepted(identified: Identified<Caller>, say: (refusal: Refusal) => void): Caller {
  if (identified.ok) return identified.caller;
  throw refuse(identified.refusal, say);
}

function refuse(refusal: Refusal, say: (refusal: Refusal) => void): RegistryError {
  say(refusal);
  return refusalError(refusal, { detail: { reason: refusal.reason } });
}

function record(
  options: Oauth2Options,
  exchange: Oauth2Exchange,
  action: TokenOutcome['action'],
  outcome: Partial<TokenOutcome>,
): void {
  const none = { caller: undefined, refusal: undefined, issued: undefined, asked: [], granted: [] };
  options.record(exchange, { ...none, ...outcome, action });
}
