import type { Finding } from '../content/index.ts';
import { lockBits } from './attributes.ts';
import { finding, rowsOfPages } from './check-pages.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

/*
 * Locks and metadata lie beside what they belong to. A version that knows of neither leaves them behind when it deletes a tag
 * or a manifest, or moves a tag, as it may while nodes are upgraded one by one; so may whoever edits tables by hand.
 */

interface Row {
  repository_id: number;
  repository: string;
  kind: string;
  name: string;
}

interface LockRow extends Row {
  digest: string;
  attributes: number;
  locked_until: number;
  subject_digest: string | null;
  subject_attributes: number | null;
  subject_until: number | null;
}

/** A column of what a row `l` belongs to: one look-up for each row. */
const ofSubject = (column: string, ofRepository = column) => `CASE l.kind
    WHEN 'tag' THEN (SELECT t.${column} FROM tags t WHERE t.repository_id = l.repository_id AND t.name = l.name)
    WHEN 'manifest' THEN (SELECT m.${column} FROM manifests m WHERE m.repository_id = l.repository_id AND m.digest = l.name)
    ELSE (SELECT ${ofRepository} FROM repositories r WHERE r.id = l.repository_id) END`;

const repositoryName = `COALESCE((SELECT r.name FROM repositories r WHERE r.id = l.repository_id), '') AS repository`;
const page = 500;

/** What is said of a lock is said of what it locks, and nothing is left of what is gone. */
export async function* checkAttributes(catalog: Catalog, { repair }: { repair: boolean }): AsyncGenerator<Finding> {
  yield* checkLocks(catalog, repair);
  yield* checkMetadata(catalog, repair);
}

async function* checkLocks(catalog: Catalog, repair: boolean): AsyncGenerator<Finding> {
  const statement = `SELECT l.repository_id AS repository_id, ${repositoryName}, l.kind AS kind, l.name AS name,
      l.digest AS digest, l.attributes AS attributes, l.locked_until AS locked_until,
      ${ofSubject('digest', `''`)} AS subject_digest, ${ofSubject('attributes')} AS subject_attributes,
      ${ofSubject('locked_until')} AS subject_until
    FROM locks l WHERE (l.repository_id, l.kind, l.name) > (?, ?, ?)
    ORDER BY l.repository_id, l.kind, l.name LIMIT ${page}`;
  const place = (last: LockRow) => [last.repository_id, last.kind, last.name];
  for await (const row of rowsOfPages<LockRow>(catalog, statement, [0, '', ''], place)) {
    const { repository_id: id, kind, name } = row;
    const detail = { repository: row.repository, level: kind, name };
    const here = [id, kind, name];
    const where = 'WHERE repository_id = ? AND kind = ? AND name = ?';
    const isLocked =
      row.subject_attributes !== null &&
      (row.subject_attributes & lockBits) === row.attributes &&
      row.subject_until === row.locked_until;
    if (!isLocked) {
      if (repair) await catalog.db.write((tx) => tx.run(`DELETE FROM locks ${where}`, here));
      yield finding('lock-orphaned', 'a lock is of something that is gone, or not locked so', detail, repair);
    } else if (row.subject_digest !== row.digest) {
      const text = `UPDATE locks SET digest = ? ${where}`;
      if (repair) await catalog.db.write((tx) => tx.run(text, [row.subject_digest, ...here]));
      yield finding('lock-stale', 'the lock of a tag keeps another manifest than the tag names', detail, repair);
    }
  }
}

async function* checkMetadata(catalog: Catalog, repair: boolean): AsyncGenerator<Finding> {
  const statement = `SELECT l.repository_id AS repository_id, ${repositoryName}, l.kind AS kind, l.name AS name, l."key" AS "key",
      ${ofSubject('attributes')} AS subject_attributes
    FROM custom_metadata l WHERE (l.repository_id, l.kind, l.name, l."key") > (?, ?, ?, ?)
    ORDER BY l.repository_id, l.kind, l.name, l."key" LIMIT ${page}`;
  type MetadataRow = Row & { key: string; subject_attributes: number | null };
  const place = (last: MetadataRow) => [last.repository_id, last.kind, last.name, last.key];
  for await (const row of rowsOfPages<MetadataRow>(catalog, statement, [0, '', '', ''], place)) {
    if (row.subject_attributes !== null) continue;
    const { repository_id: id, repository, kind, name, key } = row;
    const text = 'DELETE FROM custom_metadata WHERE repository_id = ? AND kind = ? AND name = ? AND "key" = ?';
    if (repair) await catalog.db.write((tx) => tx.run(text, [id, kind, name, key]));
    const detail = { repository, level: kind, name, key };
    yield finding('metadata-orphaned', 'metadata is of something that is gone', detail, repair);
  }
}
