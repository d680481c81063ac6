import { RegistryError } from '../errors/index.ts';
import { isReferrerTag } from '../oci/index.ts';

/** As ECR names them: whether tags may move, and whether those that a filter matches are the ones that do otherwise. */
export const tagMutabilityModes = [
  'MUTABLE',
  'IMMUTABLE',
  'MUTABLE_WITH_EXCLUSION',
  'IMMUTABLE_WITH_EXCLUSION',
] as const;

/** Which tags of a repository may move to another digest. */
export interface TagMutability {
  mode: (typeof tagMutabilityModes)[number];
  /** Wildcard filters, in which `*` stands for any characters; nothing to the modes without exclusion. */
  exclusions: readonly string[];
}

/**
 * Whether a tag stays where it is for as long as it exists. What signs or describes a manifest under a tag that is made
 * of its digest is added to by pushing that tag again, so those tags are never immutable.
 */
export function isImmutable({ mode, exclusions }: TagMutability, tag: string): boolean {
  if (mode === 'MUTABLE' || isReferrerTag(tag)) return false;
  if (mode === 'IMMUTABLE') return true;
  return (mode === 'IMMUTABLE_WITH_EXCLUSION') !== exclusions.some((filter) => matchesFilter(filter, tag));
}

/** Whether a filter matches the whole of a tag. In linear time, whatever the filter is. */
export function matchesFilter(filter: string, tag: string): boolean {
  const [first, ...rest] = filter.split('*');
  if (rest.length === 0) return tag === filter;
  const last = rest.pop()!;
  if (tag.length < first!.length + last.length || !tag.startsWith(first!) || !tag.endsWith(last)) return false;
  const end = tag.length - last.length;
  let at = first!.length;
  for (const part of rest) {
    const found = tag.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/**
 * DENIED (409) where a tag that names `digest` may not move. Whoever calls it holds the tag's row: of two pushes of one
 * new tag the second meets the first.
 */
export function requireMutable(rule: TagMutability | undefined, tag: string, digest: string): void {
  if (!rule || !isImmutable(rule, tag)) return;
  throw new RegistryError('DENIED', {
    status: 409,
    message:
      `the tag ${tag} is immutable here and names ${digest}; push under another tag, or delete this one first if you ` +
      'may (bonded acr tag immutability list shows the rules)',
    detail: { reason: 'tag_immutable', tag, digest, mode: rule.mode },
  });
}
