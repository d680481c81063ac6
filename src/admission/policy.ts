import type { Severity } from '../packages/index.ts';

export const policyModes = ['enforce', 'quarantine', 'audit'] as const;
export type PolicyMode = (typeof policyModes)[number];

/** What becomes of an image of which less is known than was hoped for. */
export type Choice = 'allow' | 'deny';

/** What a tag in quarantine leads to: nothing, as in ACR, or to where it led last that was admitted. */
export const tagModes = ['not-found', 'hold-previous'] as const;
export type TagMode = (typeof tagModes)[number];

/** Which blobs may be read: all that the repository has, or those that an image has which is let out (supply §18.6). */
export const blobModes = ['open', 'admitted'] as const;
export type BlobMode = (typeof blobModes)[number];

/** What images of some repositories must be like. Days are of 24 hours. */
export interface AdmissionPolicy {
  name: string;
  repositories: readonly string[];
  mode: PolicyMode;
  tagMode: TagMode;
  /** Says nothing where the policy only audits. */
  blobs: BlobMode;
  /** The least severity that is refused; undefined: none is. */
  severity?: Exclude<Severity, 'Unknown'> | undefined;
  /** What of a finding that nobody says a severity of, where one is asked for. */
  unknownSeverity: Choice;
  /** Probability from which on a finding is refused. */
  epss?: number | undefined;
  /** Severity and EPSS count only where there is a fix. */
  fixableOnly: boolean;
  /** Severity and EPSS count only so long after a finding was first seen. */
  graceDays: number;
  /** What is known to be exploited is refused, at once. */
  knownExploited: boolean;
  malicious: boolean;
  osEndOfLife: boolean;
  /** Whether updates of a team for long-term support are updates. */
  osLongTermSupport: boolean;
  maxScanAgeDays?: number | undefined;
  maxAdvisoryAgeHours?: number | undefined;
  maxBaseImageAgeDays?: number | undefined;
  unscanned: Choice;
  partial: Choice;
  failed: Choice;
  unsupported: Choice;
  /** How long an image may wait for its first scan (h); after that it has none, and `unscanned` alone says what becomes of it. */
  scanDeadlineHours: number;
  /** How long a pull waits for the scan of an image that has none yet. */
  waitSeconds: number;
  /** Whether whoever may push or sign there may read what is refused. */
  signersMayRead: boolean;
  exceptions: { maxDays: number; fourEyes: boolean };
  /** The quarantine policy of the registry itself (acr §4.5): nothing counts but what somebody has said of the image. */
  byHand?: boolean;
  /** Another version of Bonded wrote it, and this one does not understand all of it: nothing is let out by it (design §6). */
  unreadable?: boolean;
}

/** ACR's quarantine policy of a registry, as a policy. */
export const registryQuarantine: AdmissionPolicy = {
  name: 'quarantinePolicy',
  repositories: ['*'],
  mode: 'quarantine',
  tagMode: 'not-found',
  blobs: 'open',
  unknownSeverity: 'allow',
  fixableOnly: false,
  graceDays: 0,
  knownExploited: false,
  malicious: false,
  osEndOfLife: false,
  osLongTermSupport: true,
  unscanned: 'allow',
  partial: 'allow',
  failed: 'allow',
  unsupported: 'allow',
  scanDeadlineHours: 24,
  waitSeconds: 0,
  signersMayRead: true,
  exceptions: { maxDays: 90, fourEyes: false },
  byHand: true,
};
