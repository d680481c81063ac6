/*
 * How storage is counted on SQLite: in the statements that change links and manifests. There is one writer, so each
 * registry and each repository has one row.
 */

const columns = 'blobs, blob_bytes, own_bytes, manifests, manifest_bytes';

interface Change {
  registry: string;
  repository: string;
  /** Expressions for the columns, in their order. */
  values: string;
  /** Where the expressions come from, and whether there is anything to add. */
  from?: string;
  where?: string;
}

function add({ registry, repository, values, from = '', where = 'true' }: Change): string {
  const sums = columns.split(', ').map((name) => `${name} = ${name} + excluded.${name}`);
  return `INSERT INTO storage_usage (registry_id, repository_id, ${columns})
    SELECT ${registry}, ${repository}, ${values} ${from} WHERE ${where}
    ON CONFLICT (registry_id, repository_id) DO UPDATE SET ${sums.join(', ')};`;
}

/** The registry's row of the blob that a link names. */
const blobOf = (link: string) => `b.digest = ${link}.digest AND b.registry_id = ${link}.registry_id`;
const from = 'FROM registry_blobs b';

const linked = [
  `INSERT INTO registry_blobs (digest, registry_id, size, links, repositories)
    VALUES (NEW.digest, NEW.registry_id, NEW.size, 1, NEW.repository_id)
    ON CONFLICT (digest, registry_id)
      DO UPDATE SET links = links + 1, repositories = repositories + excluded.repositories;`,
  add({
    registry: 'NEW.registry_id',
    repository: '0',
    values: '1, b.size, 0, 0, 0',
    from,
    where: `${blobOf('NEW')} AND b.links = 1`,
  }),
  add({
    registry: 'NEW.registry_id',
    repository: 'NEW.repository_id',
    values: '1, NEW.size, CASE b.links WHEN 1 THEN b.size ELSE 0 END, 0, 0',
    from,
    where: blobOf('NEW'),
  }),
  // The one that had it alone until now.
  add({
    registry: 'NEW.registry_id',
    repository: 'b.repositories - NEW.repository_id',
    values: '0, 0, -b.size, 0, 0',
    from,
    where: `${blobOf('NEW')} AND b.links = 2`,
  }),
].join('\n');

const unlinked = [
  `UPDATE registry_blobs SET links = links - 1, repositories = repositories - OLD.repository_id
    WHERE digest = OLD.digest AND registry_id = OLD.registry_id;`,
  add({
    registry: 'OLD.registry_id',
    repository: '0',
    values: '-1, -b.size, 0, 0, 0',
    from,
    where: `${blobOf('OLD')} AND b.links = 0`,
  }),
  add({
    registry: 'OLD.registry_id',
    repository: 'OLD.repository_id',
    values: '-1, -OLD.size, CASE b.links WHEN 0 THEN -b.size ELSE 0 END, 0, 0',
    from,
    where: blobOf('OLD'),
  }),
  // The one that is left with it.
  add({
    registry: 'OLD.registry_id',
    repository: 'b.repositories',
    values: '0, 0, b.size, 0, 0',
    from,
    where: `${blobOf('OLD')} AND b.links = 1`,
  }),
  'DELETE FROM registry_blobs WHERE digest = OLD.digest AND registry_id = OLD.registry_id AND links = 0;',
].join('\n');

function manifest(row: 'NEW' | 'OLD'): string {
  const sign = row === 'NEW' ? '' : '-';
  return ['0', `${row}.repository_id`]
    .map((repository) =>
      add({ registry: `${row}.registry_id`, repository, values: `0, 0, 0, ${sign}1, ${sign}${row}.size` }),
    )
    .join('\n');
}

/** Whether what was stored before has been counted that far, see count-storage.ts. */
const isLinkCounted = (row: string) => `${row}.digest <= (SELECT digest FROM storage_count WHERE what = 'links')`;
const isManifestCounted = (row: string) =>
  `(${row}.repository_id, ${row}.digest) <= (SELECT repository_id, digest FROM storage_count WHERE what = 'manifests')`;

function trigger(name: string, event: string, condition: string, body: string): string {
  return `CREATE TRIGGER ${name} AFTER ${event} WHEN ${condition} BEGIN\n${body}\nEND`;
}

export const sqliteTriggers: readonly string[] = [
  trigger('storage_link_added', 'INSERT ON blob_links', isLinkCounted('NEW'), linked),
  trigger('storage_link_removed', 'DELETE ON blob_links', isLinkCounted('OLD'), unlinked),
  // Only of a damaged link, which a push or fsck mends.
  trigger(
    'storage_link_mended',
    'UPDATE OF size ON blob_links',
    `OLD.size <> NEW.size AND ${isLinkCounted('NEW')}`,
    `${unlinked}\n${linked}`,
  ),
  trigger('storage_manifest_added', 'INSERT ON manifests', isManifestCounted('NEW'), manifest('NEW')),
  trigger('storage_manifest_removed', 'DELETE ON manifests', isManifestCounted('OLD'), manifest('OLD')),
  trigger(
    'storage_repository_removed',
    'DELETE ON repositories',
    'true',
    'DELETE FROM storage_usage WHERE registry_id = OLD.registry_id AND repository_id = OLD.id;',
  ),
  trigger(
    'storage_registry_removed',
    'DELETE ON registries',
    'true',
    'DELETE FROM storage_usage WHERE registry_id = OLD.id AND repository_id = 0;',
  ),
];
