/** Why a token was refused, for the log and the audit, and what its bearer can do about it. Says nothing of our insides. */
export const refusals = {
  malformed: 'this is not a JSON Web Token that this registry can read',
  too_large: 'the token is longer than 16 KiB; ask its issuer for one with fewer claims or groups',
  wrong_type: 'this kind of token is not accepted; send an ID token or an access token',
  embedded_key: 'the token brings a key of its own, which is never believed; use a token of a trusted issuer',
  alg_not_allowed: 'the token is signed by an algorithm that is not accepted of its issuer',
  // It begins as ACR's does, which scripts look for (acr §2.8).
  unknown_issuer:
    'Application not registered with AAD: no trusted issuer of this registry issued the token; an administrator can add one',
  wrong_issuer:
    'the issuer of the token is written otherwise than the trusted one; an administrator must write it exactly as the token does',
  wrong_audience: 'the token is meant for somebody else; ask its issuer for one with an audience of this registry',
  missing_claim: 'the token lacks a claim that is required: iss, aud, iat and exp',
  expired: 'the token has expired; get a new one',
  not_yet_valid: 'the token is not valid yet; check the clocks',
  issued_in_future: 'the token was issued in the future; check the clocks',
  lifetime_too_long: 'the token was made to be valid for too long; ask its issuer for one with a shorter life',
  no_subject: 'the token does not say whose it is',
  unknown_key: 'the token is signed by a key that its issuer does not publish; get a new one',
  bad_signature: 'the signature of the token is wrong',
  issuer_unreachable: 'the keys of the issuer cannot be fetched at the moment; try again later',
  issuer_invalid: 'the keys of the issuer cannot be used as it is set up; an administrator can see why in the log',
} as const;

export type RefusalReason = keyof typeof refusals;

/** Carries a reason up to the front door, which returns it. `cause` is for the log. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, cause?: unknown) {
    super(refusals[reason], cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
