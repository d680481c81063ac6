import type { Severity } from '../packages/index.ts';

/** Whether there is a version of the package without the vulnerability, for this release of its distribution. */
export const fixStates = ['fixed', 'not-fixed', 'wont-fix', 'unknown'] as const;
export type FixState = (typeof fixStates)[number];

/** One finding as policies see it. */
export interface EvidenceFinding {
  /** The CVE where there is one. */
  id: string;
  aliases: readonly string[];
  severity: Severity;
  fixable: boolean;
  /** Default: `fixed` or `not-fixed`, by `fixable`. */
  fixState?: FixState;
  /** Whether it is known to be exploited (CISA KEV). */
  kev: boolean;
  /** Probability of 0 to 1 that it is exploited within 30 days (FIRST EPSS). */
  epss?: number;
  malicious: boolean;
  /** When this image was first found to have it (ms). */
  firstSeen: number;
  purl: string;
  installedName: string;
  installedVersion: string;
  fixedVersion?: string;
  /** The version of the package is not known: shown, and never a reason to refuse. */
  possible?: boolean;
}

export const scanStatuses = ['complete', 'partial', 'failed', 'unsupported'] as const;
export type ScanStatus = (typeof scanStatuses)[number];

/** What a scan of one image has found. */
export interface ScanEvidence {
  kind: 'scan';
  status: ScanStatus;
  /** Times are ms. */
  scannedAt: number;
  advisoryRevision: number;
  /** How fresh the oldest feed was that matters to this image. */
  advisoriesAt: number;
  /** Of its packages: by these it is asked how fresh the feeds are now. */
  ecosystems?: readonly string[];
  /** From when on the distribution of the image gets no updates any more. */
  osEol?: number;
  /** From when on it gets them from others than its own team, such as Debian's LTS; only where that is earlier. */
  osStandardEol?: number;
  baseImageCreatedAt?: number;
  findings: readonly EvidenceFinding[];
}

/** What is known of a digest in a registry, by kind. The union grows; a kind that a policy does not ask for is not looked at. */
export type Evidence = ScanEvidence;
export type EvidenceKind = Evidence['kind'];
