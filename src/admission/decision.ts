import type { Digest } from '../oci/index.ts';
import type { ArtifactKind } from './artifact-kind.ts';
import type { ScanEvidence } from './evidence.ts';
import type { Choice, TagMode } from './policy.ts';

export const quarantineStates = ['Quarantined', 'Passed', 'Failed'] as const;
export type QuarantineState = (typeof quarantineStates)[number];

/** What a decision is made of. */
export interface AdmissionFacts {
  repository: string;
  digest: Digest;
  kind: ArtifactKind;
  /** `linux/amd64`, of what an index lists. */
  platform?: string | undefined;
  /** The indexes of the repository that list it. */
  listedBy: readonly Digest[];
  scan?: ScanEvidence | undefined;
  /** Since when it waits to be scanned (ms), where nothing has come of that yet; undefined: nobody has asked for it so far. */
  scanWaitsSince?: number | undefined;
  /** What somebody has said of it, or of an index that lists it. */
  stated?: QuarantineState | undefined;
  /** Of an index: what it lists and could be run. */
  children?: readonly AdmissionFacts[] | undefined;
  /** It lists more than is looked at. */
  tooMany?: boolean | undefined;
}

export const reasonCodes = [
  'VULNERABILITY',
  'MALICIOUS',
  'KNOWN_EXPLOITED',
  'UNSCANNED',
  'SCAN_PARTIAL',
  'SCAN_FAILED',
  'UNSUPPORTED',
  'SCAN_TOO_OLD',
  'ADVISORIES_TOO_OLD',
  'OS_END_OF_LIFE',
  'BASE_IMAGE_TOO_OLD',
  'QUARANTINED',
  'TOO_MANY_IMAGES',
  'POLICY_UNREADABLE',
] as const;
export type ReasonCode = (typeof reasonCodes)[number];

/** Why an image is refused, or would be. */
export interface AdmissionReason {
  code: ReasonCode;
  /** The policy by its name, and what of it. */
  policy: string;
  rule: string;
  /** At most 256 characters, one line. */
  message: string;
  /** What to do. */
  remedy: string;
  vulnerability?: string;
  purl?: string;
  platform?: string;
}

/** A finding that would refuse the image, were it not for an exception. */
export interface ExceptedFinding {
  vulnerability: string;
  purl: string;
  exception: string;
  /** ms. */
  until: number;
}

/** From the best: of several policies the worst counts. */
export const effects = ['allow', 'would-deny', 'pending', 'deny'] as const;
export type Effect = (typeof effects)[number];

export interface Decision {
  effect: Effect;
  /** Why it is refused, or waits: of policies that are enforced. Of many findings the first ones. */
  reasons: AdmissionReason[];
  /** Why it would be refused, by policies that only audit. */
  audited: AdmissionReason[];
  /** How many reasons there are beyond those that are listed. */
  more: number;
  /** Until when the effect is this one, if nothing changes but the time (ms); `forever` where time changes nothing. */
  validUntil: number;
  /** What becomes of a pull while it is pending, and how long one waits first (s). */
  pending: { choice: Choice; waitSeconds: number };
  /** Its state where a policy quarantines, and what its tags lead to. */
  quarantine?: { state: QuarantineState; tagMode: TagMode } | undefined;
  /** Whether nothing but a quarantine refuses it: then it is hidden, not denied. */
  isHidden: boolean;
  signersMayRead: boolean;
  /** Whether it is one of an index, of what an index lists, or of how fresh advisories are: it depends on more than its own facts. */
  depends: boolean;
  excepted: ExceptedFinding[];
  /** Where something has not been scanned: what that is, of an index its images. Older nodes do not say so. */
  unscanned?: Digest[];
}

/** Whether it lets an image out, to whoever has waited as long as it says. */
export const isLetOut = ({ effect, pending }: Decision): boolean =>
  effect === 'allow' || effect === 'would-deny' || (effect === 'pending' && pending.choice === 'allow');

/** An end that does not come. */
export const forever = Number.MAX_SAFE_INTEGER;
