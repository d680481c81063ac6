import { RegistryError } from '../errors/index.ts';
import {
  anonymousCaller,
  type AskedScopes,
  type Caller,
  identifyPair,
  identifyToken,
  type Identified,
  issueAccessToken,
  issueRefreshToken,
  offersAnonymousPull,
  readScopes,
  type Refusal,
  refusalError,
  rightsOf,
} from '../identity/index.ts';
import { doorOf, type Oauth2Exchange, type Oauth2Options, type TokenAction } from './exchange.ts';
import { optionalField, readForm, requireField } from './form.ts';
import { readQuery } from './query.ts';

const noStore = { 'Cache-Control': 'no-store', Pragma: 'no-cache' };
const answerHeaders = new Headers({ 'Content-Type': 'application/json;charset=utf-8', ...noStore });

/** `POST /oauth2/exchange`: a refresh token for a token of an identity provider (acr §2.2). */
export async function exchangeToken(options: Oauth2Options, exchange: Oauth2Exchange): Promise<Response> {
  const { identification, lifetimes } = options;
  const form = await readForm(exchange);
  const grantType = requireField(form, 'grant_type');
  const action = 'token.exchange';
  if (!['access_token', 'access_token_refresh_token', 'refresh_token'].includes(grantType)) {
    throw unsupportedGrant(grantType, ['access_token']);
  }
  requireService(options, exchange, optionalField(form, 'service'));
  // The names with refresh_token are deprecated: the token of the provider is what counts.
  const token = requireField(form, grantType === 'refresh_token' ? 'refresh_token' : 'access_token');
  const identified = await identifyToken(identification, doorOf(exchange), token);
  const caller = accepted(options, exchange, action, identified);
  if (caller.via === 'access_token') throw refuse(options, exchange, action, notExchangeable, caller);
  options.admit(exchange, caller);
  const issued = await issueRefreshToken(identification, lifetimes, doorOf(exchange), caller);
  await options.granted(exchange, { action, caller, issued: issued.id });
  return Response.json({ refresh_token: issued.token }, { headers: noStore });
}

/** `POST /oauth2/token`: an access token for a refresh token, or for a user name and password (acr §2.2). */
export async function grantByPost(options: Oauth2Options, exchange: Oauth2Exchange): Promise<Response> {
  const form = await readForm(exchange);
  const grantType = requireField(form, 'grant_type');
  requireService(options, exchange, optionalField(form, 'service'));
  const door = doorOf(exchange);
  const asked = readScopes(form.getAll('scope'));
  if (grantType === 'refresh_token') {
    const identified = await identifyToken(options.identification, door, requireField(form, 'refresh_token'));
    const caller = accepted(options, exchange, issue, identified);
    if (caller.via === 'access_token') throw refuse(options, exchange, issue, notExchangeable, caller);
    return grant(options, exchange, caller, asked);
  }
  if (grantType !== 'password') throw unsupportedGrant(grantType, ['refresh_token', 'password']);
  // What ACR's clients send for nobody.
  if (!form.has('username') && !form.has('password')) return grantToNobody(options, exchange, asked);
  const user = requireField(form, 'username');
  const password = requireField(form, 'password');
  const identified = await identifyPair(options.identification, door, user, password);
  return grant(options, exchange, accepted(options, exchange, issue, identified), asked);
}

/** `GET /oauth2/token`, with Basic credentials or none: what Docker does (acr §2.2). */
export function grantByGet(options: Oauth2Options, exchange: Oauth2Exchange): Promise<Response> {
  const { service, asked } = readQuery(exchange.query);
  requireService(options, exchange, service);
  const authorization = exchange.request.headers.get('authorization');
  if (authorization === null) return grantToNobody(options, exchange, asked);
  const found = options.authenticator.identify(exchange, authorization);
  // Without a promise where the caller is known.
  if (!(found instanceof Promise)) return grant(options, exchange, found, asked);
  return found.then((identified) => grant(options, exchange, accepted(options, exchange, issue, identified), asked));
}

/** A token for whoever shows nothing, where there is something that everybody may pull. */
function grantToNobody(options: Oauth2Options, exchange: Oauth2Exchange, asked: AskedScopes): Promise<Response> {
  if (offersAnonymousPull(options.identification.directory(), exchange.registryId)) {
    return grant(options, exchange, anonymousCaller(exchange.registryId), asked);
  }
  throw refuse(options, exchange, issue, { reason: 'no_credentials', message: 'authentication required' });
}

const issue = 'token.issue';

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
  asked: AskedScopes,
): Promise<Response> {
  const { identification, lifetimes } = options;
  options.admit(exchange, caller);
  if (caller.endedAt !== undefined) throw refuse(options, exchange, issue, ended, caller);
  const { principal } = rightsOf(caller, identification.directory());
  if (!principal) throw refuse(options, exchange, issue, disabled, caller);
  const issued = await issueAccessToken(identification, lifetimes, doorOf(exchange), caller, asked);
  const granted = issued.access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' ');
  await options.granted(exchange, { action: issue, caller, issued: issued.id, asked: asked.text, granted });
  // ACR says no more than the token; the rest is Docker's, whose clients ask each minute where nothing is said.
  return new Response(`{"access_token":"${issued.token}","expires_in":${issued.expiresIn}}`, {
    headers: answerHeaders,
  });
}

/** A client that means another registry is not to get a token of this one (lesson 24). */
function requireService({ isService }: Oauth2Options, exchange: Oauth2Exchange, service: string | undefined): void {
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

function accepted(
  options: Oauth2Options,
  exchange: Oauth2Exchange,
  action: TokenAction,
  identified: Identified<Caller>,
): Caller {
  if (identified.ok) return identified.caller;
  throw refuse(options, exchange, action, identified.refusal);
}

function refuse(
  { refused }: Oauth2Options,
  exchange: Oauth2Exchange,
  action: TokenAction,
  refusal: Refusal,
  caller?: Caller,
): RegistryError {
  refused(exchange, { action, refusal, caller });
  return refusalError(refusal, { detail: { reason: refusal.reason } });
}
