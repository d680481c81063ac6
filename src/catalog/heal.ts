import { lockBlob, markDeleting } from '../content/index.ts';
import { listsOf, type Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { addCandidates } from './candidates.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

/** Links that go in one transaction: a base layer may have ten thousand, and others want to write meanwhile. */
const linksAtOnce = 500;

/** Whether a repository still reads this digest from the object `key`. */
export async function readsObject({ db }: Catalog, digest: Digest, key: string): Promise<boolean> {
  const text = 'SELECT 1 AS found FROM blob_links WHERE digest = ? AND "key" = ? LIMIT 1';
  return (await db.first(text, [digest, key])) !== undefined;
}

/**
 * Forgets a blob whose object turned out to be missing under `key`, with all its links, so that clients are told to
 * push it again and the push heals every manifest that names it. The blob goes first, so that nobody links the object any
 * more; a push meanwhile brings another one, which stays. Links that a crash leaves behind go when the next pull meets
 * one. Returns the number of links removed.
 */
export async function dropMissingBlob(catalog: Catalog, digest: Digest, key: string): Promise<number> {
  const { db } = catalog;
  await db.write(async (tx) => {
    if ((await lockBlob(tx, digest))?.key === key) await markDeleting(tx, digest);
  });
  for (let dropped = 0; ;) {
    const links = await db.write((tx) => dropLinks(catalog, tx, digest, key));
    dropped += links;
    if (links < linksAtOnce) return dropped;
  }
}

async function dropLinks(catalog: Catalog, tx: Transaction, digest: Digest, key: string): Promise<number> {
  const links = await tx.all<{ repository_id: number; registry_id: number }>(
    `SELECT repository_id, registry_id FROM blob_links WHERE digest = ? AND "key" = ?
      ORDER BY repository_id LIMIT ${linksAtOnce} FOR UPDATE`,
    [digest, key],
  );
  for (const { list, values } of listsOf(links.map(({ repository_id: id }) => id))) {
    tx.send(`DELETE FROM blob_links WHERE digest = ? AND repository_id IN (${list})`, [digest, ...values]);
  }
  for (const { repository_id: id, registry_id: registryId } of links) {
    addCandidates(catalog, tx, { id, registryId }, 'repository', ['']);
  }
  return links.length;
}
