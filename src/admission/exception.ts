import type { Digest } from '../oci/index.ts';
import { type PackageUrl, parsePurl } from '../packages/index.ts';
import type { EvidenceFinding, FixState } from './evidence.ts';
import type { AdmissionPolicy } from './policy.ts';
import { covers } from './repositories.ts';

/** Statuses and justifications of OpenVEX 0.2.0. */
export const vexStatuses = ['not_affected', 'affected', 'fixed', 'under_investigation'] as const;
export type VexStatus = (typeof vexStatuses)[number];
export const justifications = [
  'component_not_present',
  'vulnerable_code_not_present',
  'vulnerable_code_not_in_execute_path',
  'vulnerable_code_cannot_be_controlled_by_adversary',
  'inline_mitigations_already_exist',
] as const;

/** Somebody, as the server has authenticated them. */
export interface Approver {
  id: string;
  name: string;
}

/** A vulnerability that does not count for a while, somewhere. */
export interface AdmissionException {
  name: string;
  vulnerability: string;
  repositories: readonly string[];
  /** None: any. */
  digests: readonly string[];
  /** Package URLs, with or without version; without qualifiers they mean any. None: any package. */
  packages: readonly string[];
  fixStates: readonly FixState[];
  status: VexStatus;
  justification?: string | undefined;
  statement?: string | undefined;
  ticket?: string | undefined;
  requestedBy: Approver;
  approvedBy: Approver;
  /** Times are ms. */
  approvedAt: number;
  expiresAt: number;
}

/** What an exception is asked about. */
export interface ExceptionSubject {
  repository: string;
  /** The image, and the indexes that list it: an exception for an index is one for what it lists. */
  digests: readonly Digest[];
}

/** Whether an exception is about a finding of an image, whose package URL is read where it matters. */
export function concerns(
  exception: AdmissionException,
  { repository, digests }: ExceptionSubject,
  finding: EvidenceFinding,
  purl: () => PackageUrl | undefined = () => parsePurl(finding.purl),
): boolean {
  const state = finding.fixState ?? (finding.fixable ? 'fixed' : 'not-fixed');
  return (
    isNamed(exception.vulnerability, finding) &&
    covers(exception.repositories, repository) &&
    (exception.digests.length === 0 || digests.some((digest) => exception.digests.includes(digest))) &&
    (exception.fixStates.length === 0 || exception.fixStates.includes(state)) &&
    (exception.packages.length === 0 || isAmong(patternsOf(exception), purl()))
  );
}

/** Until when it counts for a policy (ms): no longer than that says, and not at all where nobody else has approved it. */
export function countsUntil(exception: AdmissionException, policy: Pick<AdmissionPolicy, 'exceptions'>): number {
  const { requestedBy, approvedBy } = exception;
  if (policy.exceptions.fourEyes && requestedBy.id === approvedBy.id) return Number.NEGATIVE_INFINITY;
  return lastDayOf(exception, policy);
}

/** The same, whoever has approved it (ms). */
export function lastDayOf(
  { approvedAt, expiresAt }: Pick<AdmissionException, 'approvedAt' | 'expiresAt'>,
  { exceptions: { maxDays } }: { exceptions: { maxDays: number } },
): number {
  return Math.min(expiresAt, approvedAt + maxDays * 86_400_000);
}

function isNamed(vulnerability: string, { id, aliases }: EvidenceFinding): boolean {
  const wanted = vulnerability.toUpperCase();
  return id.toUpperCase() === wanted || aliases.some((alias) => alias.toUpperCase() === wanted);
}

/** Packages of exceptions, read once: thousands may be about one vulnerability that fifty packages of an image have. */
const patterns = new WeakMap<AdmissionException, readonly PackageUrl[]>();

function patternsOf(exception: AdmissionException): readonly PackageUrl[] {
  let read = patterns.get(exception);
  if (!read) {
    read = exception.packages.map(parsePurl).filter((pattern) => pattern !== undefined);
    patterns.set(exception, read);
  }
  return read;
}

const isAmong = (wanted: readonly PackageUrl[], given: PackageUrl | undefined): boolean =>
  given !== undefined && wanted.some((pattern) => purlCovers(pattern, given));

/** Whether a package URL means another: without version any, without qualifiers any (supply §9). */
function purlCovers(wanted: PackageUrl, given: PackageUrl): boolean {
  if (wanted.type !== given.type || wanted.namespace !== given.namespace || wanted.name !== given.name) return false;
  if (wanted.version !== undefined && wanted.version !== given.version) return false;
  return Object.entries(wanted.qualifiers ?? {}).every(([key, value]) => given.qualifiers?.[key] === value);
}
