import type { AdmissionFacts, AdmissionReason, ReasonCode } from './decision.ts';
import type { ScanStatus } from './evidence.ts';
import { type ExceptionIndex, type Judgement, judgeFindings, nothing } from './judge-findings.ts';
import type { AdmissionPolicy } from './policy.ts';
import { addReason, mergeReasons, oneReason } from './reasons.ts';
import { oneLine } from './words.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** What one policy says of an image, or of all that an index lists, at a time. */
export function judge(
  policy: AdmissionPolicy,
  facts: AdmissionFacts,
  exceptions: ExceptionIndex,
  now: number,
): Judgement {
  if (facts.kind === 'supply-chain') return nothing();
  if (policy.unreadable) return refusing(policy, facts, 'POLICY_UNREADABLE', 'version', notUnderstood);
  if (policy.mode === 'quarantine') {
    // Who may release has looked at it, and says more than any rule.
    if (facts.stated === 'Passed') return nothing();
    if (facts.stated === 'Failed') return refusing(policy, facts, 'QUARANTINED', 'state', failedByHand);
    if (policy.byHand || facts.stated === 'Quarantined')
      return refusing(policy, facts, 'QUARANTINED', 'state', notReleased);
  }
  if (facts.kind === 'index') return judgeIndex(policy, facts, exceptions, now);
  return facts.kind === 'image' ? judgeImage(policy, facts, exceptions, now) : judgeUnsupported(policy, facts);
}

const notUnderstood = [
  'this node does not understand all that it asks for',
  'have the operator upgrade this node to the version that wrote the policy',
] as const;
const failedByHand = ['it was looked at and has failed', 'push an image without what was found'] as const;
const notReleased = [
  'it is in quarantine',
  'somebody with the role AcrQuarantineWriter releases it once it has been looked at',
] as const;

/** An index is admitted when all is that it lists: a client takes what fits its platform. */
function judgeIndex(
  policy: AdmissionPolicy,
  facts: AdmissionFacts,
  exceptions: ExceptionIndex,
  now: number,
): Judgement {
  const { children = [], tooMany } = facts;
  if (tooMany) {
    return refusing(policy, facts, 'TOO_MANY_IMAGES', 'index', [
      'it lists more images, or more findings in them, than are looked at',
      'push an index of fewer images',
    ]);
  }
  if (children.length === 0) return judgeUnsupported(policy, facts);
  const all = children.map((child) => judge(policy, child, exceptions, now));
  return {
    refused: mergeReasons(all.map(({ refused }) => refused)),
    waiting: mergeReasons(all.map(({ waiting }) => waiting)),
    excepted: all.flatMap(({ excepted }) => excepted),
    refusesAt: Math.min(...all.map(({ refusesAt }) => refusesAt)),
    waitsUntil: Math.max(...all.map(({ waitsUntil }) => waitsUntil)),
  };
}

function judgeImage(
  policy: AdmissionPolicy,
  facts: AdmissionFacts,
  exceptions: ExceptionIndex,
  now: number,
): Judgement {
  const { scan } = facts;
  if (!scan) return judgeUnscanned(policy, facts, now);
  const choice = choiceOf(policy, scan.status);
  if (choice) {
    const [code, message] = choice;
    return refusing(policy, facts, code, scan.status, [message, 'scan it again, or see why that has failed']);
  }
  if (scan.status === 'failed' || scan.status === 'unsupported') return nothing();
  const judgement = judgeFindings(policy, facts, exceptions, now);
  for (const [at, code, rule, message, remedy] of agesOf(policy, scan)) {
    if (at <= now) addReason(judgement.refused, reasonOf(policy, facts, code, rule, [message, remedy]), (same) => same);
    else judgement.refusesAt = Math.min(judgement.refusesAt, at);
  }
  return judgement;
}

/** What refuses an image from some time on, whatever is found in it. */
function agesOf(
  policy: AdmissionPolicy,
  scan: NonNullable<AdmissionFacts['scan']>,
): [at: number, code: ReasonCode, rule: string, message: string, remedy: string][] {
  const { maxScanAgeDays, maxAdvisoryAgeHours, maxBaseImageAgeDays, osEndOfLife, osLongTermSupport } = policy;
  const { scannedAt, advisoriesAt, baseImageCreatedAt } = scan;
  const osEol = osLongTermSupport ? scan.osEol : (scan.osStandardEol ?? scan.osEol);
  const ages: ReturnType<typeof agesOf> = [];
  if (maxScanAgeDays !== undefined) {
    const message = `its last scan is older than ${maxScanAgeDays} days`;
    ages.push([scannedAt + maxScanAgeDays * dayMs, 'SCAN_TOO_OLD', 'maxScanAgeDays', message, 'scan it again']);
  }
  if (maxAdvisoryAgeHours !== undefined) {
    const message = `the advisories it was compared with are older than ${maxAdvisoryAgeHours} hours`;
    const at = advisoriesAt + maxAdvisoryAgeHours * hourMs;
    ages.push([at, 'ADVISORIES_TOO_OLD', 'maxAdvisoryAgeHours', message, 'have the operator update the advisories']);
  }
  if (osEndOfLife && osEol !== undefined) {
    const message = `its distribution has had no updates since ${new Date(osEol).toISOString().slice(0, 10)}`;
    ages.push([osEol, 'OS_END_OF_LIFE', 'osEndOfLife', message, 'build it on a release that is maintained']);
  }
  if (maxBaseImageAgeDays !== undefined && baseImageCreatedAt !== undefined) {
    const message = `its base image is older than ${maxBaseImageAgeDays} days`;
    const at = baseImageCreatedAt + maxBaseImageAgeDays * dayMs;
    ages.push([at, 'BASE_IMAGE_TOO_OLD', 'maxBaseImageAgeDays', message, 'build it anew on the base image of today']);
  }
  return ages;
}

/**
 * Not scanned yet: there is nothing to wait for where that is no obstacle and nobody waits, nor once it has waited too long: then
 * it is as good as one that cannot be scanned, and no tag is held up by it any more.
 */
function judgeUnscanned(policy: AdmissionPolicy, facts: AdmissionFacts, now: number): Judgement {
  const { unscanned, waitSeconds, scanDeadlineHours } = policy;
  if (unscanned === 'allow' && waitSeconds === 0) return nothing();
  const waitsUntil = (facts.scanWaitsSince ?? Number.POSITIVE_INFINITY) + scanDeadlineHours * hourMs;
  if (waitsUntil <= now) {
    const why = [
      `it has waited for its scan for more than ${scanDeadlineHours} hours`,
      'have the operator see why nothing is scanned (bonded scan status)',
    ] as const;
    return unscanned === 'allow' ? nothing() : refusing(policy, facts, 'UNSCANNED', 'scanDeadlineHours', why);
  }
  const why = ['it has not been scanned yet', 'try again once it has been scanned'] as const;
  return {
    ...nothing(),
    waiting: oneReason(reasonOf(policy, facts, 'UNSCANNED', 'unscanned', why)),
    waitsUntil,
    ...(unscanned === 'deny' && { refusesAt: waitsUntil }),
  };
}

function judgeUnsupported(policy: AdmissionPolicy, facts: AdmissionFacts): Judgement {
  if (policy.unsupported === 'allow') return nothing();
  const why = ['it is nothing that can be scanned', 'push it to a repository that takes such artifacts'] as const;
  return refusing(policy, facts, 'UNSUPPORTED', 'unsupported', why);
}

/** Why a policy refuses what was scanned with this outcome; undefined where it does not. */
function choiceOf(policy: AdmissionPolicy, status: ScanStatus): [ReasonCode, string] | undefined {
  if (status === 'complete' || policy[status] === 'allow') return undefined;
  if (status === 'partial') return ['SCAN_PARTIAL', 'not all of it could be scanned'];
  if (status === 'failed') return ['SCAN_FAILED', 'it could not be scanned'];
  return ['UNSUPPORTED', 'it is nothing that can be scanned'];
}

type Why = readonly [message: string, remedy: string];

function refusing(policy: AdmissionPolicy, facts: AdmissionFacts, code: ReasonCode, rule: string, why: Why): Judgement {
  return { ...nothing(), refused: oneReason(reasonOf(policy, facts, code, rule, why)) };
}

function reasonOf(
  { name }: AdmissionPolicy,
  { platform }: AdmissionFacts,
  code: ReasonCode,
  rule: string,
  [message, remedy]: Why,
): AdmissionReason {
  return { code, policy: name, rule, message: oneLine(message), remedy, ...(platform !== undefined && { platform }) };
}
