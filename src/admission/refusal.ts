import { createHash } from 'node:crypto';
import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { BlobPlace } from './blob-store.ts';
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

/** Longest repository and tag that a line names whole (characters): it has to say why, too, and who pulls knows the name. */
const longestRepository = 80;
const longestTag = 32;

/** How people call an image: by the tag that they asked for, with the beginning of its digest. */
function nameOf({ repository, digest }: Pick<ImagePlace, 'repository' | 'digest'>, tag: string | undefined): string {
  const short = digest.slice(0, digest.indexOf(':') + 13);
  const name = oneLine(repository, longestRepository);
  return tag === undefined ? `${name}@${short}` : `${name}:${oneLine(tag, longestTag)} (${short})`;
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
  const message = lineOf(`${nameOf(place, tag)} is denied by policy ${why}`, detail);
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
  const why = `${nameOf(place, tag)} is in quarantine by policy ${whyOf(decision)}`;
  if (tag !== undefined) {
    return new RegistryError('MANIFEST_UNKNOWN', { message: lineOf(why, detail), detail, headers: uncached });
  }
  return new RegistryError('DENIED', {
    message: lineOf(`The operation is disallowed: ${why}`, detail),
    detail,
    headers: uncached,
  });
}

/** An image that has a blob and is refused. */
export interface RefusedImage {
  digest: Digest;
  decision: Decision;
  tag: string | undefined;
  /** Whether there are more of them. */
  others: boolean;
}

/**
 * The refusal of a blob that no image has which is let out (supply §18.6), by one of those that have it: 403 DENIED, in quarantine
 * too, since who asks for a blob has its digest.
 */
export function blobDenial(place: BlobPlace, rules: RepositoryRules, image: RefusedImage | undefined): RegistryError {
  const blob = nameOf(place, undefined);
  if (!image) {
    const guarding = rules.policies.find(({ mode, blobs }) => mode !== 'audit' && blobs === 'admitted');
    const id = decisionId(place, rules.revision);
    const says = `${blob} is denied by policy ${JSON.stringify(guarding?.name)}: no image here has this blob; push the image that has it`;
    const { repository, digest } = place;
    const detail = { reason: 'admission', decision: id, repository, digest, blob: digest, reasons: [], more: 0 };
    return new RegistryError('DENIED', { message: lineOf(says, detail), detail, headers: uncached });
  }
  const { decision, tag, others } = image;
  const refused = { ...place, digest: image.digest };
  const detail = { ...detailOf(refused, rules, decision), blob: place.digest };
  const alone = others ? 'images that are not let out, such as' : 'an image that is not let out:';
  const says = `${decision.isHidden ? 'The operation is disallowed: ' : ''}${blob} belongs to ${alone} ${nameOf(refused, tag)} is ${decision.isHidden ? 'in quarantine' : 'denied'} by policy ${whyOf(decision)}`;
  return new RegistryError('DENIED', { message: lineOf(says, detail), detail, headers: uncached });
}

/** A line of 256 characters at most. It is cut before the decision, by which it is found in the audit. */
const lineOf = (says: string, { decision }: Pick<RefusalDetail, 'decision'>): string =>
  `${oneLine(says, 256 - decision.length - 3)} [${decision}]`;

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
