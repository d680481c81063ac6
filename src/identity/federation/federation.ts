import { LRUCache } from 'lru-cache';
import type { Outbound } from '../../outbound/index.ts';
import type { Log } from '../../telemetry/index.ts';
import { audiencesOf, checkClaims } from './check-claims.ts';
import { claimTexts } from './claim-value.ts';
import { createKeySource, type KeySource } from './key-source.ts';
import { presetOf } from './presets/index.ts';
import { type Claims, readToken } from './read-token.ts';
import { Refusal, type RefusalReason } from './refusal.ts';
import { type SignatureAlgorithm, signatureAlgorithms, type TrustedIssuer } from './trusted-issuer.ts';

/** Issuers whose keys are kept; those that were used last. */
const mostIssuers = 1000;
const mostGroups = 1000;
const longestSubject = 512;

export interface VerifiedToken {
  ok: true;
  issuer: TrustedIssuer;
  /** Who it is, stable and unique among those of the issuer. */
  subject: string;
  claims: Claims;
  groups: readonly string[];
  /** Whether the token names all groups; Entra leaves them out where there are more than 200. */
  groupsComplete: boolean;
  /** ms since 1970. */
  expiresAt: number;
}

export interface RefusedToken {
  ok: false;
  reason: RefusalReason;
  /** For the bearer. */
  message: string;
  /** The issuer that it would have been, where one was found. */
  issuer?: TrustedIssuer;
  /** For the log. */
  cause?: unknown;
}

export interface Federation {
  /** Whether a token is one of these issuers', and whose. Only trouble of our own throws. */
  verify(token: string, issuers: readonly TrustedIssuer[]): Promise<VerifiedToken | RefusedToken>;
}

export interface FederationOptions {
  outbound: Outbound;
  /** ms since 1970. */
  now(): number;
  log: Log;
}

/** Verifies the tokens of others (OpenID Connect Core 1.0, 3.1.3.7; RFC 9068, 4; RFC 8725). */
export function createFederation(options: FederationOptions): Federation {
  const remote = new LRUCache<string, KeySource>({ max: mostIssuers });
  const pinned = new WeakMap<TrustedIssuer, KeySource>();

  function sourceOf(issuer: TrustedIssuer): KeySource {
    if (issuer.jwks !== undefined) {
      const source = pinned.get(issuer) ?? createKeySource(issuer, options);
      pinned.set(issuer, source);
      return source;
    }
    const key = JSON.stringify([issuer.issuer, issuer.discovery, issuer.jwksUri]);
    const source = remote.get(key) ?? createKeySource(issuer, options);
    remote.set(key, source);
    return source;
  }

  async function act(token: string, issuers: readonly TrustedIssuer[], chosen: (one: TrustedIssuer) => void) {
    const { alg, kid, claims } = readToken(token);
    const issuer = issuerOf(claims, issuers);
    chosen(issuer);
    if (!isAllowed(alg, issuer)) throw new Refusal('alg_not_allowed');
    const expiresAt = checkClaims(claims, issuer, options.now());
    await checkSignature(token, alg, await sourceOf(issuer).find(alg, kid));
    const preset = presetOf(issuer.preset);
    const subject = subjectOf(claims, issuer.subjectClaim ?? preset.subjectClaim);
    const groups = claimTexts(claims, issuer.groupsClaim ?? preset.groupsClaim);
    const groupsComplete = groups.length <= mostGroups && !preset.lacksGroups(claims);
    return { issuer, subject, claims, groups: groups.slice(0, mostGroups), groupsComplete, expiresAt };
  }

  return {
    async verify(token, issuers) {
      let issuer: TrustedIssuer | undefined;
      try {
        return { ok: true, ...(await act(token, issuers, (one) => (issuer = one))) };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const { reason, message, cause } = error;
        return { ok: false, reason, message, ...(issuer && { issuer }), ...(cause !== undefined && { cause }) };
      }
    },
  };
}

/** Nobody else is asked about a token than who is trusted already. */
function issuerOf(claims: Claims, issuers: readonly TrustedIssuer[]): TrustedIssuer {
  const { iss } = claims;
  if (iss === undefined) throw new Refusal('missing_claim');
  if (typeof iss !== 'string') throw new Refusal('malformed');
  const enabled = issuers.filter((one) => one.enabled);
  const same = enabled.filter((one) => one.issuer === iss);
  // One issuer may be trusted twice, for different audiences.
  const audiences = audiencesOf(claims) ?? [];
  const found = same.find((one) => one.audiences.some((audience) => audiences.includes(audience))) ?? same[0];
  if (found) return found;
  const loose = (text: string) => text.toLowerCase().replace(/\/$/, '');
  throw new Refusal(enabled.some((one) => loose(one.issuer) === loose(iss)) ? 'wrong_issuer' : 'unknown_issuer');
}

function isAllowed(alg: string, { algorithms }: TrustedIssuer): alg is SignatureAlgorithm {
  // `none` and HMAC are in neither list, whatever a resource says.
  const known: readonly string[] = signatureAlgorithms;
  return known.includes(alg) && (algorithms as readonly string[]).includes(alg);
}

async function checkSignature(
  token: string,
  alg: SignatureAlgorithm,
  keys: Awaited<ReturnType<KeySource['find']>>,
): Promise<void> {
  // Only where somebody comes with such a token: a server that has no issuers does without.
  const { compactVerify, errors } = await import('jose');
  let failure: unknown;
  for (const key of keys) {
    try {
      await compactVerify(token, await key.load(alg), { algorithms: [alg] });
      return;
    } catch (error) {
      // A key that cannot be imported verifies nothing either.
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) failure = error;
    }
  }
  throw new Refusal('bad_signature', failure);
}

function subjectOf(claims: Claims, name: string): string {
  const [subject = '', ...more] = claimTexts(claims, name);
  const odd = /\p{Cc}/u.test(subject);
  if (subject === '' || more.length > 0 || subject.length > longestSubject || odd) throw new Refusal('no_subject');
  return subject;
}
