import { createHash } from 'node:crypto';
import { RegistryError } from '../errors/index.ts';
import type { AdmissionReason, Decision } from './decision.ts';
import type { RepositoryRules } from './rules.ts';
import type { ImagePlace } from './verdict-store.ts';
import { oneLine } from './words.ts';

/** Reasons that a refusal names; `bonded explain` has the rest. */
const mostReasons = 10;

/** The id of a decision: the same on every node, and another one by other rules. */
export function decisionId(
  { repositoryId, digest }: Pick<ImagePlace, 'repositoryId' | 'digest'>,
  revision: string,
): string {
  const text = JSON.stringify([repositoryId, digest, revision]);
  return `dec_${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

/** How people call an image: by the tag that they asked for, with the beginning of its digest. */
function nameOf({ repository, digest }: ImagePlace, tag: string | undefined): string {
  const short = digest.slice(0, digest.indexOf(':') + 13);
  return tag === undefined ? `${repository}@${short}` : `${repository}:${tag} (${short})`;
}

/**
 * The refusal of a pull: 403 DENIED in one line that says what, by which policy, why, and what to do. Docker, containerd and
 * the rest print the message and nothing else; `detail` is for programs.
 */
export function denial(
  place: ImagePlace,
  tag: string | undefined,
  rules: RepositoryRules,
  decision: Decision,
): RegistryError {
  const detail = detailOf(place, rules, decision);
  const why = whyOf(decision);
  const message = oneLine(`${nameOf(place, tag)} is denied by policy ${why} [${detail.decision}]`);
  return new RegistryError('DENIED', { message, detail, headers: uncached });
}

/**
 * What is in quarantine, in ACR's words (acr §4.5): by its tag it is not there, by its digest the operation is disallowed.
 */
export function hidden(
  place: ImagePlace,
  tag: string | undefined,
  rules: RepositoryRules,
  decision: Decision,
): RegistryError {
  const detail = detailOf(place, rules, decision);
  const why = `${nameOf(place, tag)} is in quarantine by policy ${whyOf(decision)} [${detail.decision}]`;
  if (tag !== undefined) {
    return new RegistryError('MANIFEST_UNKNOWN', { message: oneLine(why), detail, headers: uncached });
  }
  return new RegistryError('DENIED', {
    message: oneLine(`The operation is disallowed: ${why}`),
    detail,
    headers: uncached,
  });
}

/** What was let out a moment ago may be refused now: nobody else keeps it, nor a refusal. */
const uncached = { 'Cache-Control': 'private, no-store' };

function whyOf({ reasons, more }: Decision): string {
  const [first] = reasons;
  if (!first) return 'for no reason that is known';
  const others = reasons.length + more - 1;
  const and = others > 0 ? ` and ${others} more` : '';
  return `${JSON.stringify(first.policy)}: ${first.platform ? `${first.platform}: ` : ''}${first.message}${and}; ${first.remedy}`;
}

export interface RefusalDetail {
  /** For the audit. */
  reason: 'admission' | 'quarantine';
  decision: string;
  repository: string;
  digest: string;
  reasons: AdmissionReason[];
  more: number;
}

function detailOf(place: ImagePlace, { revision }: RepositoryRules, decision: Decision): RefusalDetail {
  const { reasons, more, isHidden } = decision;
  return {
    reason: isHidden ? 'quarantine' : 'admission',
    decision: decisionId(place, revision),
    repository: place.repository,
    digest: place.digest,
    reasons: reasons.slice(0, mostReasons),
    more: more + Math.max(0, reasons.length - mostReasons),
  };
}
