import { listsOf, type Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { ManifestReference, ParsedManifest } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import './tables.ts';

/**
 * Checks that everything a manifest needs is in the repository, and locks it until the transaction ends: blob links,
 * then manifests, each in the order of digests. Returns the digests of the links that exist, sorted.
 */
export async function requireReferences(
  { sparseIndexes }: Catalog,
  tx: Transaction,
  repository: Repository,
  manifest: ParsedManifest,
): Promise<string[]> {
  const blobs = sorted(manifest.references.filter((reference) => reference.role !== 'child'));
  const children = sorted(manifest.references.filter((reference) => reference.role === 'child'));
  const links = new Map<string, number>();
  const manifests = new Map<string, number>();
  const read = async (table: string, digests: readonly string[], sizes: Map<string, number>) => {
    const found = listsOf(digests).map(({ list, values }) =>
      tx.all<{ digest: string; size: number }>(
        `SELECT digest, size FROM ${table} WHERE repository_id = ? AND digest IN (${list}) ORDER BY digest FOR SHARE`,
        [repository.id, ...values],
      ),
    );
    for (const { digest, size } of (await Promise.all(found)).flat()) sizes.set(digest, size);
  };
  await Promise.all([read('blob_links', blobs, links), read('manifests', children, manifests)]);
  const missing: string[] = [];
  for (const reference of manifest.references) {
    const size = (reference.role === 'child' ? manifests : links).get(reference.digest);
    if (size === undefined) {
      if (reference.required && !sparseIndexes) missing.push(reference.digest);
    } else if (size !== reference.size) {
      throw new RegistryError('MANIFEST_INVALID', {
        message: 'a descriptor gives another size than its content has; clients would refuse to pull it',
        detail: { digest: reference.digest, descriptorSize: reference.size, contentSize: size },
      });
    }
  }
  if (missing.length > 0) {
    throw new RegistryError('MANIFEST_BLOB_UNKNOWN', {
      message: 'the manifest references content that this repository does not hold; push it first',
      detail: { digest: missing[0], missing: [...new Set(missing)].slice(0, 100) },
    });
  }
  return [...links.keys()];
}

/**
 * A manifest of the repository that references a digest, as content or as a child. One that references a blob and a
 * manifest of the same digest holds both.
 */
export async function holderOf(tx: Transaction, repositoryId: number, digest: string): Promise<string | undefined> {
  const holder = await tx.first<{ manifest_digest: string }>(
    `SELECT manifest_digest FROM manifest_references WHERE repository_id = ? AND digest = ?
      ORDER BY manifest_digest LIMIT 1`,
    [repositoryId, digest],
  );
  return holder?.manifest_digest;
}

function sorted(references: ManifestReference[]): string[] {
  return [...new Set(references.map((reference) => reference.digest))].toSorted();
}
