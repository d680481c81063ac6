import { proposeImages, proposeRepositories } from '../../completion/propose.ts';
import { z } from 'zod';
import {
  type AttributeChange,
  type ContentClient,
  type Image,
  imageOf,
  manifestAttributes,
  repositoryAttributes,
  repositoryOf,
  repositoryScope,
  tagAttributes,
} from '../../content/index.ts';
import { UsageError } from '../../failure.ts';
import type { Columns } from '../../output/index.ts';
import { textFlag } from '../flags.ts';
import { manifestColumns, repositoryColumns, tagColumns } from './columns.ts';

/** A repository, a tag or a manifest, as flags name it. */
export interface SubjectFlags {
  image?: string;
  repository?: string;
}

export const subjectFlags = {
  image: {
    ...textFlag,
    placeholder: 'repository:tag',
    brief: 'Tag, or manifest as REPOSITORY@DIGEST',
    proposeCompletions: proposeImages(),
  },
  repository: {
    ...textFlag,
    placeholder: 'name',
    brief: 'The whole repository',
    proposeCompletions: proposeRepositories(),
  },
} as const;

export const subjectAliases = { t: 'image' } as const;

export type Subject =
  | { kind: 'repository'; repository: string; path: string }
  | { kind: 'image'; repository: string; image: Image; path: string };

/** Which of them is meant. Throws UsageError where it is none, or more than one. */
export function subjectOf({ image, repository }: SubjectFlags): Subject {
  if (image !== undefined && repository !== undefined) throw new UsageError('give --image or --repository, not both');
  if (image !== undefined) return imageSubject(imageOf('--image', image));
  if (repository === undefined) throw new UsageError('say which: --image REPOSITORY:TAG, or --repository NAME');
  const name = repositoryOf('--repository', repository);
  return { kind: 'repository', repository: name, path: `/acr/v1/${name}` };
}

export function imageSubject(image: Image): Subject {
  const { repository } = image;
  return { kind: 'image', repository, image, path: pathOf(image) };
}

/** What a table shows of a repository, a tag or a manifest. */
export function columnsOf({ image }: SubjectFlags): Columns {
  if (image === undefined) return repositoryColumns;
  return image.includes('@') ? manifestColumns : tagColumns;
}

/** Where the attributes of a tag or a manifest are. */
function pathOf({ repository, tag, digest }: Image): string {
  return `/acr/v1/${repository}/${tag === undefined ? `_manifests/${digest}` : `_tags/${tag}`}`;
}

const oneTag = z.looseObject({ tag: tagAttributes }).transform(({ tag }) => tag as Record<string, unknown>);
const oneManifest = z
  .looseObject({ manifest: manifestAttributes })
  .transform(({ manifest }) => manifest as Record<string, unknown>);
const oneRepository = repositoryAttributes.transform((found) => found as Record<string, unknown>);

const answerOf = (subject: Subject) =>
  subject.kind === 'repository' ? oneRepository : subject.image.tag === undefined ? oneManifest : oneTag;

/** What a registry knows of it. */
export function describeSubject(client: ContentClient, subject: Subject): Promise<Record<string, unknown>> {
  const scope = repositoryScope(subject.repository, 'metadata_read');
  return client.json({ path: subject.path, scope, answer: answerOf(subject) });
}

/** Changes what may be done with it; resolves with what a registry knows of it then. */
export function changeSubject(
  client: ContentClient,
  subject: Subject,
  change: AttributeChange,
): Promise<Record<string, unknown>> {
  const scope = repositoryScope(subject.repository, 'metadata_write', 'metadata_read');
  return client.json({ method: 'PATCH', path: subject.path, scope, body: change, answer: answerOf(subject) });
}
