import { type AdmissionFacts, type Decision, type Effect, forever } from './decision.ts';
import type { AdmissionException } from './exception.ts';
import { judge } from './judge.ts';
import { indexOf, type Judgement } from './judge-findings.ts';
import type { AdmissionPolicy } from './policy.ts';
import { mergeReasons } from './reasons.ts';
import type { Digest } from '../oci/index.ts';
import { covers } from './repositories.ts';

/** Most findings that are named because an exception lets them pass. */
const mostExcepted = 50;

interface Judged {
  policy: AdmissionPolicy;
  judgement: Judgement;
}

/**
 * Whether an image may be pulled, by all policies that cover its repository (supply §17.2, §21). It is denied where any
 * that is enforced refuses it, and pending where any waits for what is not known yet; what only audits never does more than
 * say so. The order of policies and exceptions does not matter. `validUntil` is exactly the time at which the effect
 * becomes another one if no fact changes. Pure.
 */
export function evaluate(
  facts: AdmissionFacts,
  policies: readonly AdmissionPolicy[],
  exceptions: readonly AdmissionException[],
  now: number,
): Decision {
  const index = indexOf(exceptions);
  const judged = policies
    .filter(({ repositories }) => covers(repositories, facts.repository))
    .map((policy): Judged => ({ policy, judgement: judge(policy, facts, index, now) }));
  const enforced = judged.filter(({ policy }) => policy.mode !== 'audit');
  const auditing = judged.filter(({ policy }) => policy.mode === 'audit');
  const refusing = enforced.filter(({ judgement }) => judgement.refused.count > 0);
  const waiting = enforced.filter(({ judgement }) => judgement.waiting.count > 0);
  const wouldDeny = auditing.some(({ policy, judgement: { refused, waiting: open } }) => {
    return refused.count > 0 || (open.count > 0 && policy.unscanned === 'deny');
  });
  const effect: Effect =
    refusing.length > 0 ? 'deny' : waiting.length > 0 ? 'pending' : wouldDeny ? 'would-deny' : 'allow';
  const { kept: reasons, count } = mergeReasons([
    ...refusing.map(({ judgement }) => judgement.refused),
    ...waiting.map(({ judgement }) => judgement.waiting),
  ]);
  const obstacles = [...refusing, ...waiting];
  const unscanned = reasons.some(({ code }) => code === 'UNSCANNED') ? unscannedOf(facts) : [];
  return {
    effect,
    reasons,
    audited: mergeReasons(auditing.flatMap(({ judgement }) => [judgement.refused, judgement.waiting])).kept,
    more: count - reasons.length,
    validUntil: endOf(effect, enforced, auditing),
    pending: {
      choice: waiting.some(({ policy }) => policy.unscanned === 'deny') ? 'deny' : 'allow',
      waitSeconds: Math.max(0, ...waiting.map(({ policy }) => policy.waitSeconds)),
    },
    quarantine: quarantineOf(facts, enforced),
    isHidden: obstacles.length > 0 && obstacles.every(({ policy }) => policy.mode === 'quarantine'),
    signersMayRead: obstacles.every(({ policy }) => policy.signersMayRead),
    depends:
      facts.kind === 'index' || facts.listedBy.length > 0 || reasons.some(({ code }) => code === 'ADVISORIES_TOO_OLD'),
    excepted: judged
      .flatMap(({ judgement }) => judgement.excepted)
      .toSorted((a, b) => compare(keyOf(a), keyOf(b)))
      .slice(0, mostExcepted),
    ...(unscanned.length > 0 && { unscanned }),
  };
}

/** The images that have not been scanned: the one itself, or those of an index. */
function unscannedOf({ kind, scan, digest, children = [] }: AdmissionFacts): Digest[] {
  if (kind === 'index') return [...new Set(children.flatMap(unscannedOf))];
  return kind === 'image' && !scan ? [digest] : [];
}

/** When the effect becomes another one. What is denied stays so: no policy admits by the time alone. */
function endOf(effect: Effect, enforced: readonly Judged[], auditing: readonly Judged[]): number {
  const looked = effect === 'deny' ? [] : effect === 'allow' ? [...enforced, ...auditing] : enforced;
  const refuses = Math.min(forever, ...looked.map(({ judgement }) => judgement.refusesAt));
  // Times are whole, and a third of a day is not: it has changed by the next one.
  if (effect !== 'pending') return Math.ceil(refuses);
  // It waits as long as any waits.
  return Math.ceil(Math.min(refuses, Math.max(...enforced.map(({ judgement }) => judgement.waitsUntil))));
}

function quarantineOf({ stated, kind }: AdmissionFacts, enforced: readonly Judged[]): Decision['quarantine'] {
  const quarantining = enforced.filter(({ policy }) => policy.mode === 'quarantine');
  if (quarantining.length === 0 || kind === 'supply-chain') return undefined;
  const holding = quarantining.filter(({ judgement }) => judgement.refused.count + judgement.waiting.count > 0);
  // What waits for a person, or another node, has not failed; what a rule refuses has.
  const failed = quarantining.some(({ policy, judgement }) => {
    return !policy.byHand && !policy.unreadable && judgement.refused.count > 0;
  });
  const state = stated ?? (failed ? 'Failed' : holding.length > 0 ? 'Quarantined' : 'Passed');
  const concerned = holding.length > 0 ? holding : quarantining;
  const holdsPrevious = concerned.every(({ policy }) => policy.tagMode === 'hold-previous');
  return { state, tagMode: holdsPrevious ? 'hold-previous' : 'not-found' };
}

const keyOf = (one: Decision['excepted'][number]) => [one.vulnerability, one.purl, one.exception].join('\0');
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
