import type { z } from 'zod';
import { admissionPolicyType } from '../../../admission/index.ts';
import { UsageError } from '../../failure.ts';
import { textFlag, yesNoFlag } from '../flags.ts';
import { allWords, wordsFlag } from '../words.ts';

type Properties = z.input<typeof admissionPolicyType.properties>;

/** A number, or that there is none. */
type Bound = number | 'none';

/** What flags say of a policy; `none` takes a bound away. */
export interface PolicySettings {
  repository?: (readonly string[])[];
  mode?: 'enforce' | 'quarantine' | 'audit';
  enabled?: boolean;
  description?: string;
  severity?: 'Negligible' | 'Low' | 'Medium' | 'High' | 'Critical' | 'none';
  unknownSeverity?: 'allow' | 'deny';
  epss?: Bound;
  fixableOnly?: boolean;
  graceDays?: number;
  knownExploited?: boolean;
  malicious?: boolean;
  osEndOfLife?: boolean;
  osLongTermSupport?: boolean;
  maxScanAge?: Bound;
  maxAdvisoryAge?: Bound;
  maxBaseImageAge?: Bound;
  unscanned?: 'allow' | 'deny';
  partial?: 'allow' | 'deny';
  failed?: 'allow' | 'deny';
  unsupported?: 'allow' | 'deny';
  wait?: number;
  scanDeadline?: number;
  signersMayRead?: boolean;
  tagMode?: 'not-found' | 'hold-previous';
  blobs?: 'open' | 'admitted';
  exceptionDays?: number;
  fourEyes?: boolean;
}

const choice = (brief: string) => ({ kind: 'enum', values: ['allow', 'deny'], optional: true, brief }) as const;
const number = (placeholder: string, brief: string) =>
  ({ kind: 'parsed', parse: numberOf, optional: true, placeholder, brief }) as const;
const bound = (placeholder: string, brief: string) =>
  ({ kind: 'parsed', parse: boundOf, optional: true, placeholder, brief }) as const;
const yesNo = (brief: string) => ({ ...yesNoFlag, brief }) as const;

export const settingFlags = {
  repository: {
    ...wordsFlag,
    placeholder: 'repository…',
    brief: 'Repositories, PREFIX/* or *; what begins with ! is taken away again',
  },
  mode: {
    kind: 'enum',
    values: ['enforce', 'quarantine', 'audit'],
    optional: true,
    brief: 'Deny pulls, hold pushes, or only say what would be denied',
  },
  enabled: yesNo('Whether it holds'),
  description: { ...textFlag, placeholder: 'text', brief: 'What it is for' },
  severity: {
    kind: 'enum',
    values: ['Negligible', 'Low', 'Medium', 'High', 'Critical', 'none'],
    optional: true,
    brief: 'Least severity that is refused',
  },
  unknownSeverity: choice('Findings that nobody says a severity of (default: allow)'),
  epss: bound('0..1|none', 'Probability of EPSS from which on a finding is refused'),
  fixableOnly: yesNo('Severity and EPSS count only where there is a fix'),
  graceDays: number('days', 'Severity and EPSS count only so long after a finding was first seen'),
  knownExploited: yesNo('Refuse what is known to be exploited (default: true)'),
  malicious: yesNo('Refuse malicious packages (default: true)'),
  osEndOfLife: yesNo('Refuse distributions without updates'),
  osLongTermSupport: yesNo('Whether updates of a team for long-term support count (default: true)'),
  maxScanAge: bound('days|none', 'Refuse what was scanned longer ago'),
  maxAdvisoryAge: bound('hours|none', 'Refuse what was compared with older advisories'),
  maxBaseImageAge: bound('days|none', 'Refuse older base images'),
  unscanned: choice('What has not been scanned yet (default: deny)'),
  partial: choice('What could be scanned in part (default: allow)'),
  failed: choice('What could not be scanned (default: deny)'),
  unsupported: choice('What is nothing that can be scanned (default: allow)'),
  wait: number('seconds', 'How long a pull waits for the scan of an image that has none'),
  scanDeadline: number('hours', 'How long an image may wait for its first scan (default: 24)'),
  signersMayRead: yesNo('Whether who may push or sign may pull what is refused (default: true)'),
  tagMode: {
    kind: 'enum',
    values: ['not-found', 'hold-previous'],
    optional: true,
    brief: 'In quarantine, what a tag leads to: nothing, or the last image that was admitted (default)',
  },
  blobs: {
    kind: 'enum',
    values: ['open', 'admitted'],
    optional: true,
    brief: 'Blobs that may be read: all (default), or those alone that an image has which is let out',
  },
  exceptionDays: number('days', 'Longest that an exception counts (default: 90)'),
  fourEyes: yesNo('Whether somebody else has to approve an exception'),
} as const;

/** The flags as a merge patch of the properties. */
export function propertiesOf(flags: PolicySettings): Partial<Record<keyof Properties, unknown>> {
  const {
    repository,
    severity,
    maxScanAge,
    maxAdvisoryAge,
    maxBaseImageAge,
    wait,
    scanDeadline,
    exceptionDays,
    fourEyes,
    ...same
  } = flags;
  const exceptions = given({ maxDays: exceptionDays, fourEyes });
  return given({
    ...Object.fromEntries(Object.entries(same).filter(([key]) => key in admissionPolicyType.properties.shape)),
    repositories: allWords(repository),
    severity: severity === 'none' ? null : severity,
    epss: orNull(flags.epss),
    maxScanAgeDays: orNull(maxScanAge),
    maxAdvisoryAgeHours: orNull(maxAdvisoryAge),
    maxBaseImageAgeDays: orNull(maxBaseImageAge),
    waitSeconds: wait,
    scanDeadlineHours: scanDeadline,
    exceptions: Object.keys(exceptions).length > 0 ? exceptions : undefined,
  });
}

/** Without what is not said. */
function given(all: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A new resource has nothing that could be taken away. */
export function withoutNull(all: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

function numberOf(text: string): number {
  if (/^\d{1,6}(?:\.\d{1,6})?$/.test(text)) return Number(text);
  throw new Error('it is a number');
}

function boundOf(text: string): Bound {
  return text === 'none' ? 'none' : numberOf(text);
}

/** A merge patch takes away by null. */
const orNull = (value: Bound | undefined) => (value === 'none' ? null : value);

/** Throws UsageError where a new policy lacks what none has by default. */
export function requireScope({ repository, mode }: PolicySettings): void {
  if (repository === undefined || mode === undefined) {
    throw new UsageError('--repository says what it covers, and --mode (enforce, quarantine or audit) what it does');
  }
}
