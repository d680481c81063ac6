import { type Permission, scopeActions } from '../access/index.ts';
import type { Viewer } from '../catalog/index.ts';
import type { Caller as Asking } from '../distribution/index.ts';
import { RegistryError } from '../errors/index.ts';
import {
  adminDisabled,
  anonymousCaller,
  type Asked,
  type Authenticator,
  type Caller,
  challengeOf,
  detailOf,
  doorAt,
  type Directory,
  type Gate,
  type GatedExchange,
  hasCatalog,
  type Identified,
  isAllowed,
  type Needs,
  type Refusal,
  refusalError,
  type Rights,
  rightsOf,
} from '../identity/index.ts';

export interface GateOptions {
  authenticator: Authenticator;
  directory(): Directory;
  /** Told of each refusal before its answer. */
  refused(exchange: GatedExchange, refusal: Refusal & { caller: Caller | undefined; needs: Needs | undefined }): void;
}

/** Who asks, as the protocol sees it, and as identity does. */
interface Asker extends Asking {
  identified: Caller;
  name: string;
  mayReadDeleted(repository: string): boolean;
  readsMetadata: Viewer;
}

/** Who the gates have found out it is. */
export function callerOf(asking: unknown): Caller {
  return (asking as Asker).identified;
}

/** The gates of identity and access, in their order (design §3). */
export function createGates(options: GateOptions): [authenticate: Gate, authorise: Gate] {
  const { authenticator, directory, refused } = options;
  const askers = new WeakMap<Caller, Asker>();
  /** Whoever shows nothing, by registry. What they may do is decided once, too. */
  const nobodies = new Map<number, Asker>();

  function askerOf(identified: Caller): Asker {
    let asker = askers.get(identified);
    if (!asker) askers.set(identified, (asker = createAsker(identified, directory, nobodyOf)));
    return asker;
  }

  function nobodyOf(registryId: number): Asker {
    let asker = nobodies.get(registryId);
    if (!asker) nobodies.set(registryId, (asker = askerOf(anonymousCaller(registryId))));
    return asker;
  }

  /** Says no, so that the client knows what to show instead. */
  function challenge(
    exchange: GatedExchange,
    needs: Needs | undefined,
    refusal: Refusal,
    caller?: Caller,
  ): RegistryError {
    refused(exchange, { ...refusal, caller, needs });
    const { origin, service } = doorAt(exchange);
    const error = refusal.reason === 'no_credentials' ? undefined : caller ? 'insufficient_scope' : 'invalid_token';
    return refusalError(refusal, {
      detail: detailOf(needs?.challenge),
      headers: { 'WWW-Authenticate': challengeOf(origin, service, needs?.challenge, error) },
    });
  }

  function accept(exchange: GatedExchange, asked: Asked, identified: Identified<Caller>): void {
    const say = (refusal: Refusal) => challenge(exchange, asked.needs, refusal);
    if (!identified.ok) throw say(identified.refusal);
    const { caller } = identified;
    if (caller.endedAt !== undefined && !asked.finishes) throw say(expired);
    exchange.caller = askerOf(caller);
    if (caller.grant) exchange.stale = () => say(stale);
  }

  // Without a promise where the caller is known: that is every pull but the first.
  const authenticate: Gate = (exchange, asked) => {
    const authorization = exchange.request.headers.get('authorization');
    if (authorization === null) {
      // Docker sends no credentials unless it is asked for them here, also where pulls are free (lesson 19).
      if (asked.isBase) throw challenge(exchange, asked.needs, noCredentials);
      exchange.caller = nobodyOf(exchange.registryId);
      return;
    }
    const found = authenticator.identify(exchange, authorization);
    if (found instanceof Promise) return found.then((identified) => accept(exchange, asked, identified));
    return accept(exchange, asked, { ok: true, caller: found });
  };

  const authorise: Gate = (exchange, asked) => {
    const { needs } = asked;
    const caller = callerOf(exchange.caller);
    const rights = rightsOf(caller, directory());
    // The same as where the password is looked up again: it is right, and will not do.
    const isAdmin = caller.kind === 'admin' && caller.via === 'password';
    if (!rights.principal) throw challenge(exchange, needs, isAdmin ? adminDisabled : disabled);
    if (!needs) return;
    const { permissions, repository, source } = needs;
    if (permissions.some((permission) => isAllowed(caller, directory(), permission, repository))) {
      // Its holder may pull there, and has not said so when it asked for the token: most clients do so when told.
      if (isMissing(source, caller, rights)) throw challenge(exchange, needs, notInToken, caller);
      return;
    }
    if (repository === undefined && hasCatalog(caller, directory())) return;
    const sees = repository === undefined && !rights.visible.none;
    const could = sees || permissions.some((permission) => rights.allows(permission, repository));
    if (caller.kind === 'anonymous') throw challenge(exchange, needs, noCredentials);
    // Its token was given for something else: it may get another (lesson 20).
    if (could && caller.grant) throw challenge(exchange, needs, notInToken, caller);
    refused(exchange, { ...notAllowed, caller, needs });
    throw new RegistryError('DENIED', {
      message: `${caller.holder.name} has no right to ${lacking(needs, rights)} ${whatOf(needs)}; bonded access explain says why`,
      detail: { action: permissions[0], name: needs.challenge.name },
    });
  };

  return [authenticate, authorise];
}

/** Whether a token was not given for pulls from a repository that its holder may pull from. */
function isMissing(source: string | undefined, { grant }: Caller, rights: Rights): boolean {
  if (source === undefined || !grant || grant.allows('content/read', source)) return false;
  return rights.allows('content/read', source);
}

const noCredentials = { reason: 'no_credentials', message: 'authentication required' };
const expired = { reason: 'expired', message: 'the access token has expired; get a new one' };
const stale = {
  reason: 'repository_replaced',
  message: 'the access token was given for a repository that is gone; get a new one',
};
const disabled = {
  reason: 'disabled',
  message: 'whoever this token was given to is disabled, deleted or no longer trusted',
};
const notInToken = {
  reason: 'insufficient_scope',
  message: 'the access token was not given for this; get one that is',
};
const notAllowed = { reason: 'not_allowed', message: 'no role assignment or scope map allows it' };

/** What somebody may not do of what was asked: a push takes a pull, too, and may lack it or not. */
function lacking({ challenge: { action }, repository }: Needs, rights: Rights): string {
  const words = action.split(',');
  const missing = words.filter((word) => {
    const permission = (scopeActions as Record<string, Permission>)[word];
    return permission === undefined || !rights.allows(permission, repository);
  });
  return (missing.length > 0 ? missing : words).join(' and ');
}

const whatOf = ({ challenge }: Needs) => (challenge.type === 'repository' ? `in ${challenge.name}` : 'of the registry');

function createAsker(identified: Caller, directory: () => Directory, nobodyOf: (registryId: number) => Asker): Asker {
  const rights = () => rightsOf(identified, directory());
  return {
    identified,
    id: identified.id,
    by: { id: identified.id, name: identified.holder.name },
    name: identified.holder.name,
    endedAt: identified.endedAt,
    boundTo: (repository) => identified.grant?.idOf(repository),
    mayPull(repository, id) {
      const bound = identified.grant?.idOf(repository);
      if (bound !== undefined && id !== undefined && id !== bound) return false;
      if (isAllowed(identified, directory(), 'content/read', repository)) return true;
      // What everybody may pull, whoever shows a token may pull as well.
      return isAllowed(nobodyOf(identified.registryId).identified, directory(), 'content/read', repository);
    },
    // The token for a catalog names no repository: what its holder may see now is what counts.
    maySee: (repository) => rights().visible.allows(repository),
    mayReadDeleted: (repository) => rights().allows('deleted/read', repository),
    get readsMetadata() {
      const { all, allows } = rights().readable;
      return { seesAll: all, maySee: allows };
    },
    get seesAll() {
      return rights().visible.all || rights().allows('catalog/read', undefined);
    },
  };
}
