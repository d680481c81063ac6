import { type Digest, isRepositoryName, isTag, parseDigest } from '../../oci/index.ts';
import { UsageError } from '../failure.ts';

/** A manifest as somebody names it. */
export interface Image {
  repository: string;
  /** As it was written, for messages: `REPOSITORY:TAG` or `REPOSITORY@DIGEST`. */
  name: string;
  tag: string | undefined;
  digest: Digest | undefined;
}

/** Reads `REPOSITORY[:TAG|@DIGEST]`; without either it is the tag `latest`, as `az` has it. Throws UsageError. */
export function imageOf(flag: string, text: string): Image {
  const [named, digestText] = splitAt(text, text.indexOf('@'));
  // A colon that is followed by a slash would be of a port, and there is no host here.
  const [repository, tag] = splitAt(named, named.lastIndexOf(':'));
  const digest = digestText === undefined ? undefined : parseDigest(digestText);
  const isRight = digestText === undefined ? tag === undefined || isTag(tag) : digest && tag === undefined;
  if (!isRight || !isRepositoryName(repository)) {
    throw new UsageError(`${flag} ${JSON.stringify(text)} is no image; write REPOSITORY:TAG or REPOSITORY@DIGEST`);
  }
  if (digest !== undefined) return { repository, name: text, tag: undefined, digest };
  const wanted = tag ?? 'latest';
  return { repository, name: `${repository}:${wanted}`, tag: wanted, digest: undefined };
}

/** A name of a repository. Throws UsageError. */
export function repositoryOf(flag: string, text: string): string {
  if (isRepositoryName(text)) return text;
  throw new UsageError(`${flag} ${JSON.stringify(text)} is no name of a repository, such as team/app`);
}

function splitAt(text: string, at: number): [before: string, after: string | undefined] {
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
