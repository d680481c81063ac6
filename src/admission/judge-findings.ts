import { parsePurl, severityRank } from '../packages/index.ts';
import type { AdmissionFacts, AdmissionReason, ExceptedFinding } from './decision.ts';
import type { EvidenceFinding } from './evidence.ts';
import { type AdmissionException, concerns, countsUntil } from './exception.ts';
import type { AdmissionPolicy } from './policy.ts';
import { addReason, noReasons, type Reasons } from './reasons.ts';
import { oneLine } from './words.ts';

const dayMs = 86_400_000;

/** What one policy says of one image, or of one part of it. */
export interface Judgement {
  refused: Reasons;
  /** What is not known yet. */
  waiting: Reasons;
  excepted: ExceptedFinding[];
  /** When it refuses, if nothing changes but the time (ms); Infinity where it never does, or does so already. */
  refusesAt: number;
  /** Until when it waits, should nothing come of that (ms); -Infinity where it does not wait. */
  waitsUntil: number;
}

export const nothing = (): Judgement => ({
  refused: noReasons(),
  waiting: noReasons(),
  excepted: [],
  refusesAt: Number.POSITIVE_INFINITY,
  waitsUntil: Number.NEGATIVE_INFINITY,
});

/** Exceptions by what they are about, in capitals. */
export type ExceptionIndex = ReadonlyMap<string, readonly AdmissionException[]>;

const indexes = new WeakMap<readonly AdmissionException[], ExceptionIndex>();

export function indexOf(exceptions: readonly AdmissionException[]): ExceptionIndex {
  let index = indexes.get(exceptions);
  if (!index) indexes.set(exceptions, (index = Map.groupBy(exceptions, (one) => one.vulnerability.toUpperCase())));
  return index;
}

/** What a policy makes of the findings of an image at a time (supply §9). */
export function judgeFindings(
  policy: AdmissionPolicy,
  { repository, digest, listedBy, scan, platform }: AdmissionFacts,
  exceptions: ExceptionIndex,
  now: number,
): Judgement {
  const judgement = nothing();
  const subject = { repository, digests: [digest, ...listedBy] };
  for (const finding of scan?.findings ?? []) {
    const rule = ruleOf(policy, finding);
    if (!rule) continue;
    const named = [finding.id, ...finding.aliases].flatMap((id) => exceptions.get(id.toUpperCase()) ?? []);
    const purl = once(() => parsePurl(finding.purl));
    const matching = named.filter((exception) => concerns(exception, subject, finding, purl));
    const last = lastOf(policy, matching);
    // It refuses from both ends on: that of the grace, and that of the last exception.
    const from = Math.max(rule.from, last?.until ?? Number.NEGATIVE_INFINITY);
    if (from <= now) {
      addReason(judgement.refused, orderOf(policy, rule, finding, platform), (order) => reasonOf(order, finding));
      continue;
    }
    judgement.refusesAt = Math.min(judgement.refusesAt, from);
    if (last && last.until > now && rule.from <= now) {
      judgement.excepted.push({
        vulnerability: oneLine(finding.id),
        purl: oneLine(finding.purl, 512),
        exception: last.exception.name,
        until: last.until,
      });
    }
  }
  return judgement;
}

interface Rule {
  code: 'VULNERABILITY' | 'MALICIOUS' | 'KNOWN_EXPLOITED';
  rule: 'malicious' | 'knownExploited' | 'severity' | 'epss';
  /** From when on the finding counts (ms). */
  from: number;
}

/** The rule by which a policy refuses a finding first; undefined where it does not. */
function ruleOf(policy: AdmissionPolicy, finding: EvidenceFinding): Rule | undefined {
  // Of a package whose version is not known nobody can say that it is vulnerable.
  if (finding.possible) return undefined;
  const always = Number.NEGATIVE_INFINITY;
  if (policy.malicious && finding.malicious) return { code: 'MALICIOUS', rule: 'malicious', from: always };
  if (policy.knownExploited && finding.kev) return { code: 'KNOWN_EXPLOITED', rule: 'knownExploited', from: always };
  if (policy.fixableOnly && !finding.fixable) return undefined;
  const from = finding.firstSeen + policy.graceDays * dayMs;
  if (isTooBad(policy, finding)) {
    return { code: 'VULNERABILITY', rule: 'severity', from };
  }
  if (policy.epss !== undefined && finding.epss !== undefined && finding.epss >= policy.epss) {
    return { code: 'VULNERABILITY', rule: 'epss', from };
  }
  return undefined;
}

/** Of what nobody says how bad it is, the policy says what becomes of it: it is none of the severities. */
function isTooBad({ severity, unknownSeverity }: AdmissionPolicy, finding: EvidenceFinding): boolean {
  if (severity === undefined) return false;
  if (finding.severity === 'Unknown') return unknownSeverity === 'deny';
  return severityRank(finding.severity) >= severityRank(severity);
}

/** The exception that counts longest for a policy; of two the one whose name comes first. */
function lastOf(policy: AdmissionPolicy, matching: readonly AdmissionException[]) {
  let last: { exception: AdmissionException; until: number } | undefined;
  for (const exception of matching) {
    const until = countsUntil(exception, policy);
    if (!last || until > last.until || (until === last.until && exception.name < last.exception.name))
      last = { exception, until };
  }
  return last;
}

/** A value that is made when it is asked for first. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

type Order = Pick<AdmissionReason, 'code' | 'policy' | 'rule' | 'message'> & { platform?: string };

/** What a reason is told apart by from others. */
function orderOf(
  policy: AdmissionPolicy,
  { code, rule }: Rule,
  finding: EvidenceFinding,
  platform: string | undefined,
): Order {
  const { id, severity, installedName, installedVersion, epss } = finding;
  const what =
    code === 'MALICIOUS'
      ? 'malicious package'
      : code === 'KNOWN_EXPLOITED'
        ? `${severity}, known to be exploited`
        : rule === 'epss'
          ? `${severity}, EPSS ${epss!.toFixed(3)}`
          : severity === 'Unknown'
            ? 'severity unknown'
            : severity;
  return {
    code,
    policy: policy.name,
    rule,
    message: oneLine(`${id} (${what}) in ${installedName} ${installedVersion}`),
    ...(platform !== undefined && { platform }),
  };
}

function reasonOf(
  { platform, ...order }: Order,
  { id, installedName, fixedVersion, purl }: EvidenceFinding,
): AdmissionReason {
  return {
    ...order,
    remedy: oneLine(
      order.code === 'MALICIOUS'
        ? `remove ${installedName} and push the image anew`
        : fixedVersion === undefined
          ? `no version without it is known; replace ${installedName}, or have an exception approved`
          : `update ${installedName} to ${fixedVersion} and push the image anew, or have an exception approved`,
    ),
    vulnerability: oneLine(id),
    purl: oneLine(purl, 512),
    ...(platform !== undefined && { platform }),
  };
}
