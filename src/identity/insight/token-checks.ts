import type { RefusalReason, RefusedToken, VerifiedToken } from '../federation/index.ts';
import type { TokenReport } from './test-token-contract.ts';

/** What a token has to pass, in the order in which it is looked at, with the reasons why it does not. */
const steps: readonly { check: string; reasons: readonly RefusalReason[] }[] = [
  { check: 'can be read', reasons: ['malformed', 'too_large', 'wrong_type', 'embedded_key'] },
  { check: 'is of a trusted issuer', reasons: ['unknown_issuer', 'wrong_issuer', 'missing_claim'] },
  { check: 'has an accepted algorithm', reasons: ['alg_not_allowed'] },
  { check: 'has an audience of this server', reasons: ['wrong_audience'] },
  {
    check: 'is valid now',
    reasons: ['missing_claim', 'malformed', 'expired', 'not_yet_valid', 'issued_in_future', 'lifetime_too_long'],
  },
  {
    check: 'has a signature of its issuer',
    reasons: ['unknown_key', 'bad_signature', 'issuer_unreachable', 'issuer_invalid'],
  },
  { check: 'says whose it is', reasons: ['no_subject'] },
];

/** Each check with what came of it; after the first that failed, nothing was looked at any more. */
export function checksOf(result: VerifiedToken | RefusedToken): TokenReport['checks'] {
  if (result.ok) return steps.map(({ check }) => ({ check, outcome: 'passed' }));
  // Two reasons have two places: before and after the issuer is known.
  const from = result.issuer ? 2 : 0;
  const failed = steps.findIndex(({ reasons }, at) => at >= from && reasons.includes(result.reason));
  return steps.map(({ check }, at) => {
    if (at === failed) return { check, outcome: 'failed', message: result.message };
    return { check, outcome: at < failed ? 'passed' : 'not reached' };
  });
}
