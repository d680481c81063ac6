import { listsOf } from '../database/index.ts';
import type { Digest, ManifestKind } from '../oci/index.ts';
import { type Abilities, abilitiesOf, bit, heldBits, type Lockable } from './attributes.ts';
import type { Catalog, Repository } from './context.ts';
import { type Metadata, mostMetadata } from './custom-metadata.ts';
import { type ManifestDescription, mostTags } from './describe-manifests.ts';
import { imageSizeText } from './image-size.ts';
import { isShown } from './shown.ts';
import { following, type ListPosition } from './time-order.ts';
import './tables.ts';

/** What of a manifest is in its row, but for what may be large. */
export interface ManifestRow extends Lockable {
  digest: Digest;
  mediaType: string;
  artifactType: string | null;
  kind: ManifestKind;
  /** Bytes. */
  size: number;
  subject: Digest | null;
  /** ms. */
  pushedAt: number;
  abilities: Abilities;
}

const select = `SELECT digest, media_type AS "mediaType", artifact_type AS "artifactType", kind, size,
    subject_digest AS subject, pushed_at AS "pushedAt", attributes, locked_until FROM manifests WHERE repository_id = ?`;

/** Rows of a repository after a position, those that no list shows among them: see `isListed`. */
export async function manifestRows(
  catalog: Catalog,
  { id }: Repository,
  position: ListPosition,
): Promise<ManifestRow[]> {
  const { text, values } = following(position, { name: 'digest', time: 'pushed_at' });
  return readable(catalog, await catalog.db.all<Row>(`${select} ${text}`, [id, ...values]));
}

type Row = Omit<ManifestRow, 'abilities'>;

function readable({ now }: Catalog, rows: readonly Row[]): ManifestRow[] {
  const at = now();
  return rows.map((row) => ({ ...row, abilities: abilitiesOf(heldBits(row, at)) }));
}

/** Of these digests, in their order. */
export async function manifestRowsOf(
  catalog: Catalog,
  { id }: Repository,
  digests: readonly Digest[],
): Promise<ManifestRow[]> {
  const found = digests.map((digest) => catalog.db.first<Row>(`${select} AND digest = ?`, [id, digest]));
  const rows = (await Promise.all(found)).filter((row) => row !== undefined);
  return readable(catalog, rows).toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
}

/**
 * Digests as rows, each of which is looked up on its own: of a list, PostgreSQL without statistics would read all that the
 * repository has.
 */
const oneByOne = (list: string) => `(VALUES ${list.replaceAll('?', '(CAST(? AS TEXT))')}) AS v`;

/** Whether lists show a row. */
export const isListed = ({ abilities }: ManifestRow): boolean => abilities.listEnabled;

/** Tags that one statement reads for many manifests; of these each is then read alone. */
const tagsAtOnce = 5000;

/** The tags of manifests by name, up to `mostTags` of each, without those that are hidden. */
export async function tagsAmong(
  { db, now }: Catalog,
  { id }: Repository,
  digests: readonly Digest[],
): Promise<Map<Digest, string[]>> {
  type Tag = Lockable & { name: string; digest: Digest };
  const columns = 'SELECT name, digest, attributes, locked_until FROM tags';
  const tags: Tag[] = [];
  for (const { list, values } of listsOf(digests)) {
    const text = `${columns} WHERE digest IN (${list}) AND repository_id = ? LIMIT ?`;
    const some = await db.all<Tag>(text, [...values, id, tagsAtOnce]);
    if (some.length < tagsAtOnce) {
      tags.push(...some);
      continue;
    }
    for (const digest of new Set(values)) {
      const own = `${columns} WHERE digest = ? AND repository_id = ? ORDER BY name LIMIT ?`;
      tags.push(...(await db.all<Tag>(own, [digest, id, mostTags])));
    }
  }
  const found = new Map<Digest, string[]>();
  const at = now();
  for (const tag of tags) {
    if (!isShown(tag, at)) continue;
    const of = found.get(tag.digest);
    if (of) of.push(tag.name);
    else found.set(tag.digest, [tag.name]);
  }
  for (const [digest, names] of found) found.set(digest, names.toSorted().slice(0, mostTags));
  return found;
}

/** The annotations of manifests as JSON, where they have no more than `mostBytes`. */
export async function annotationsAmong(
  { db }: Catalog,
  { id }: Repository,
  digests: readonly Digest[],
  mostBytes: number,
): Promise<Map<Digest, string>> {
  const found = listsOf(digests).map(({ list, values }) =>
    db.all<{ digest: Digest; annotations: string | null }>(
      `SELECT v.column1 AS digest, (SELECT CASE WHEN length(m.annotations) <= ? THEN m.annotations END FROM manifests m
          WHERE m.repository_id = ? AND m.digest = v.column1) AS annotations FROM ${oneByOne(list)}`,
      [mostBytes, id, ...values],
    ),
  );
  const rows = (await Promise.all(found)).flat();
  return new Map(rows.flatMap(({ digest, annotations }) => (annotations === null ? [] : [[digest, annotations]])));
}

/** Bytes of the blobs that manifests name. */
export async function blobBytesAmong(
  { db }: Catalog,
  { id }: Repository,
  digests: readonly Digest[],
): Promise<Map<Digest, number>> {
  const found = pairsOf(digests, id).map(({ rows, values }) =>
    db.all<{ digest: Digest; bytes: number | null }>(
      `SELECT v.column1 AS digest, (SELECT ${imageSizeText('r.size')} ${named} <> 'child') AS bytes
        FROM (VALUES ${rows}) AS v`,
      values,
    ),
  );
  return new Map((await Promise.all(found)).flat().map(({ digest, bytes }) => [digest, bytes ?? 0]));
}

/** What the configs of manifests are, of those that name one. */
export async function configsAmong(
  { db }: Catalog,
  { id }: Repository,
  digests: readonly Digest[],
): Promise<Map<Digest, NonNullable<ManifestDescription['config']>>> {
  const found = pairsOf(digests, id).map(({ rows, values }) =>
    db.all<{ digest: Digest; config: string | null }>(
      `SELECT v.column1 AS digest, (SELECT r.digest || ' ' || r.media_type ${named} = 'config' LIMIT 1) AS config
        FROM (VALUES ${rows}) AS v`,
      values,
    ),
  );
  const configs = new Map<Digest, NonNullable<ManifestDescription['config']>>();
  for (const { digest, config } of (await Promise.all(found)).flat()) {
    // No digest has a blank in it.
    const end = config?.indexOf(' ') ?? -1;
    if (end > 0) configs.set(digest, { digest: config!.slice(0, end) as Digest, mediaType: config!.slice(end + 1) });
  }
  return configs;
}

const named =
  'FROM manifest_references r WHERE r.repository_id = v.column2 AND r.manifest_digest = v.column1 AND r.role';

/** Digests as rows, each with its repository: see `oneByOne`. */
function pairsOf(digests: readonly Digest[], id: number): { rows: string; values: (string | number)[] }[] {
  return listsOf(digests).map(({ list, values }) => ({
    rows: list.replaceAll('?', '(CAST(? AS TEXT), CAST(? AS BIGINT))'),
    values: values.flatMap((digest) => [digest, id]),
  }));
}

/** The custom metadata of manifests, by digest and key; asked only of those that have some, one by one: few do. */
export async function metadataAmong(
  { db }: Catalog,
  { id }: Repository,
  rows: readonly Pick<ManifestRow, 'digest' | 'attributes'>[],
): Promise<Map<Digest, Map<string, Metadata>>> {
  const having = rows.filter(({ attributes }) => (attributes & bit.metadata) !== 0);
  const found = having.map(async ({ digest }): Promise<[Digest, Map<string, Metadata>]> => {
    const some = await db.all<{ key: string; value: string; mediaType: string }>(
      `SELECT "key", value, media_type AS "mediaType" FROM custom_metadata
        WHERE repository_id = ? AND kind = ? AND name = ? LIMIT ${mostMetadata}`,
      [id, 'manifest', digest],
    );
    return [digest, new Map(some.map(({ key, ...metadata }) => [key, metadata]))];
  });
  return new Map(await Promise.all(found));
}
