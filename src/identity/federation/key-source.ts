import { type Outbound, OutboundError, type OutboundReason } from '../../outbound/index.ts';
import type { Log } from '../../telemetry/index.ts';
import { type FetchedKeys, fetchKeys, InvalidIssuer, longestMs } from './fetch-keys.ts';
import { type KeySet, keySetOf, type PublicKey } from './key-set.ts';
import { Refusal } from './refusal.ts';
import type { SignatureAlgorithm, TrustedIssuer } from './trusted-issuer.ts';

/** A key that nobody knows makes us ask once in this time, however many tokens name it (ms). */
const unknownKeyMs = 30_000;
/** After a failure nobody is asked for this long (ms). */
const failureMs = 10_000;

/** The keys of one issuer, kept as long as they are good. */
export interface KeySource {
  /** Keys that may have made a signature; throws Refusal `unknown_key`, `issuer_unreachable` or `issuer_invalid`. */
  find(alg: SignatureAlgorithm, kid: string | undefined): Promise<readonly PublicKey[]>;
}

export interface KeySourceOptions {
  outbound: Outbound;
  /** ms. */
  now(): number;
  log: Log;
}

/**
 * Keys that were given with the issuer, or that it publishes. Those are fetched by one request for all who wait, kept
 * as long as their `Cache-Control` says, and used for up to a day beyond while the issuer is away.
 */
export function createKeySource(issuer: TrustedIssuer, options: KeySourceOptions): KeySource {
  return issuer.jwks === undefined ? createRemote(issuer, options) : createPinned(issuer.jwks);
}

function createPinned(jwks: unknown): KeySource {
  let keys: KeySet | undefined;
  return {
    async find(alg, kid) {
      try {
        keys ??= keySetOf(jwks);
      } catch (error) {
        throw new Refusal('issuer_invalid', error);
      }
      return found(keys.find(alg, kid));
    },
  };
}

function createRemote(issuer: TrustedIssuer, { outbound, now, log }: KeySourceOptions): KeySource {
  let current: (FetchedKeys & { at: number }) | undefined;
  let failure: { error: unknown; at: number } | undefined;
  let asked = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    asked = now();
    try {
      current = { ...(await fetchKeys(outbound, issuer)), at: asked };
      failure = undefined;
      log.debug({ issuer: issuer.issuer, keys: current.keys.size }, 'fetched the keys of an issuer');
    } catch (error) {
      failure = { error, at: now() };
      log.warn({ issuer: issuer.issuer, err: error }, 'could not fetch the keys of an issuer');
    }
  }

  const reload = () => (loading ??= load().finally(() => (loading = undefined)));

  /** A clock that was ahead has been set back: what is noted of a time to come would hold until then. */
  function forgetTimesToCome(): void {
    const at = now();
    if (asked > at) asked = Number.NEGATIVE_INFINITY;
    if (failure && failure.at > at) failure.at = Number.NEGATIVE_INFINITY;
    // To be fetched, and of use meanwhile.
    if (current && current.at > at) current.at = at - current.freshMs;
  }

  /** Keys that may be used; throws Refusal where there are none. */
  async function usable(): Promise<KeySet> {
    const mayAsk = !failure || now() - failure.at >= failureMs;
    const stale = current && now() - current.at < longestMs ? current.keys : undefined;
    if (current && now() - current.at < current.freshMs) return current.keys;
    // While it is away, only the first one waits to find that out.
    if (stale && failure) {
      if (mayAsk) void reload();
      return stale;
    }
    if (mayAsk || loading) await reload();
    if (failure) return stale ?? refuse(failure.error);
    return current!.keys;
  }

  return {
    async find(alg, kid) {
      forgetTimesToCome();
      const known = (await usable()).find(alg, kid);
      if (known.length > 0) return known;
      // It may have a new key. Who comes while somebody asks waits along.
      if (loading || now() - asked >= unknownKeyMs) await reload();
      return found(current?.keys.find(alg, kid) ?? []);
    },
  };
}

function found(keys: readonly PublicKey[]): readonly PublicKey[] {
  if (keys.length === 0) throw new Refusal('unknown_key');
  return keys;
}

/** These pass by themselves; all others need an administrator. */
const passing: ReadonlySet<OutboundReason> = new Set([
  'unreachable',
  'timed_out',
  'not_resolved',
  'busy',
  'bad_answer',
]);

function refuse(error: unknown): never {
  const lasting = error instanceof InvalidIssuer || (error instanceof OutboundError && !passing.has(error.reason));
  throw new Refusal(lasting ? 'issuer_invalid' : 'issuer_unreachable', error);
}
