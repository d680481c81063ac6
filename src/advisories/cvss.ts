import type { Severity } from '../packages/index.ts';
import { scoreV2 } from './cvss-v2.ts';
import { scoreV3 } from './cvss-v3.ts';
import { scoreV4 } from './cvss-v4.ts';

/** Versions of CVSS, from the one that says most. */
export const cvssVersions = ['4.0', '3.1', '3.0', '2.0'] as const;

export type CvssVersion = (typeof cvssVersions)[number];

export interface CvssScore {
  version: CvssVersion;
  /** As its version writes it. */
  vector: string;
  /** 0 to 10, in tenths. */
  score: number;
}

/** Reads a vector of any version; one without a prefix is of 2.0. Undefined for what is none. */
export function readCvss(text: string): CvssScore | undefined {
  const vector = text.trim();
  const [, prefix, metrics] = /^(?:CVSS:([0-9]\.[0-9])\/|\(?)([^()]*)\)?$/.exec(vector) ?? [];
  if (metrics === undefined) return undefined;
  const version = cvssVersions.find((one) => one === (prefix ?? '2.0'));
  if (version === undefined) return undefined;
  const score = version === '4.0' ? scoreV4(metrics) : version === '2.0' ? scoreV2(metrics) : scoreV3(metrics);
  if (score === undefined) return undefined;
  return { version, score, vector: version === '2.0' ? metrics : `CVSS:${version}/${metrics}` };
}

/** The word for a score (CVSS 3.1, §5; 4.0, §6; NVD's ranges for 2.0, which has no Critical). */
export function severityOfScore({ version, score }: CvssScore): Severity {
  if (score === 0) return 'Negligible';
  if (score < 4) return 'Low';
  if (score < 7) return 'Medium';
  return score < 9 || version === '2.0' ? 'High' : 'Critical';
}
