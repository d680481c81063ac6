import { ManagementError } from '../operations/index.ts';
import { type Digest, isRepositoryName, isTag, parseDigest } from '../oci/index.ts';

/** An image of a registry: what a client pulls. */
export interface ImageName {
  repository: string;
  reference: { tag: string } | { digest: Digest };
}

/** Where an image is to be: tags of a repository, none where it is only to be there. */
export interface ImportTarget {
  repository: string;
  tags: string[];
}

const latest = 'latest';

/** Reads REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST. InvalidRequestContent. */
export function parseSourceImage(text: string): ImageName {
  const at = text.indexOf('@');
  if (at >= 0) {
    const digest = parseDigest(text.slice(at + 1));
    // A tag before a digest says nothing.
    const repository = text.slice(0, at).replace(/:[^/]*$/, '');
    if (digest && isRepositoryName(repository)) return { repository, reference: { digest } };
    throw badImage('source.sourceImage', 'must be REPOSITORY@DIGEST, with a whole sha256 or sha512 digest');
  }
  const { repository, tag = latest } = splitTag(text, 'source.sourceImage');
  return { repository, reference: { tag } };
}

/**
 * Where an image goes (acr §4.8), by repository: a target without a tag gets that of the source, or `latest`.
 * InvalidRequestContent.
 */
export function targetsOf(
  { reference }: ImageName,
  targetTags: readonly string[],
  untagged: readonly string[],
): ImportTarget[] {
  const targets = new Map<string, Set<string>>();
  const tagsOf = (repository: string) => {
    const tags = targets.get(repository) ?? new Set();
    targets.set(repository, tags);
    return tags;
  };
  for (const text of targetTags) {
    const { repository, tag = 'tag' in reference ? reference.tag : latest } = splitTag(text, 'targetTags');
    tagsOf(repository).add(tag);
  }
  for (const repository of untagged) {
    if (!isRepositoryName(repository)) throw badImage('untaggedTargetRepositories', 'must be names of repositories');
    tagsOf(repository);
  }
  if (targets.size === 0) {
    throw badImage('targetTags', 'or untaggedTargetRepositories must say where the image is to go');
  }
  return [...targets].map(([repository, tags]) => ({ repository, tags: [...tags] }));
}

/** How people write an image. */
export function formatImage({ repository, reference }: ImageName): string {
  return 'tag' in reference ? `${repository}:${reference.tag}` : `${repository}@${reference.digest}`;
}

function splitTag(text: string, target: string): { repository: string; tag: string | undefined } {
  const colon = text.lastIndexOf(':');
  const repository = colon < 0 ? text : text.slice(0, colon);
  const tag = colon < 0 ? undefined : text.slice(colon + 1);
  if (isRepositoryName(repository) && (tag === undefined || isTag(tag))) return { repository, tag };
  throw badImage(target, 'must be REPOSITORY or REPOSITORY:TAG, without the host of a registry');
}

function badImage(target: string, says: string): ManagementError {
  return new ManagementError('InvalidRequestContent', `${target} ${says}`, { target });
}
