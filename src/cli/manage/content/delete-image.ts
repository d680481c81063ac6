import { type ContentConnection, type Image, repositoryScope, tagAttributes } from '../../content/index.ts';
import { shown } from '../../output/index.ts';
import { confirm, unlessKept } from '../confirm.ts';
import type { ConfirmFlag } from '../flags.ts';
import { describeSubject, imageSubject } from './subject.ts';

/** Names in a question to a person. */
const mostNamed = 20;

export interface Deleted {
  manifestsDeleted: string[];
  tagsDeleted: string[];
}

/**
 * Deletes a manifest with every tag on it, whichever of them named it, as `az` does (acr §3.2). Says before what goes, and
 * asks.
 */
export async function deleteImage(connection: ContentConnection, flags: ConfirmFlag, image: Image): Promise<Deleted> {
  const { client, note } = connection;
  const { repository } = image;
  const { digest } = await describeSubject(client, imageSubject(image));
  const at = String(digest);
  const tags = await client.all(`/acr/v1/${repository}/_tags`, {
    scope: repositoryScope(repository, 'metadata_read'),
    field: 'tags',
    item: tagAttributes,
    query: { digest: at },
    pageSize: 1000,
  });
  const names = tags.map(({ name }) => name);
  if (!flags.yes) note(listed(`${repository}@${at}`, names));
  const others = names.filter((name) => name !== image.tag).length;
  const also = others === 0 ? '' : ` with ${others === 1 ? 'another tag' : `${others} other tags`}`;
  await confirm(connection, flags, `deleting ${image.name}${also}`, unlessKept);
  const path = `/v2/${repository}/manifests/${at}`;
  await client.send({ method: 'DELETE', path, scope: repositoryScope(repository, 'delete', 'metadata_read') });
  return { manifestsDeleted: [at], tagsDeleted: names };
}

function listed(manifest: string, names: readonly string[]): string {
  const head = `The manifest ${shown(manifest)} goes${names.length === 0 ? '; it has no tags' : ', and its tags:'}`;
  const more = names.length > mostNamed ? [`  and ${names.length - mostNamed} more`] : [];
  return [head, ...names.slice(0, mostNamed).map((name) => `  ${shown(name)}`), ...more].join('\n');
}
