import { digestOf, parseManifest } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import { deleteManifest } from './delete-manifest.ts';
import { deleteRepository } from './delete-repository.ts';
import { describeDeleted, describeDeletedTags, listDeletedRepositories } from './describe-deleted.ts';
import { deleteBlob, mountBlob } from './links.ts';
import { purgeDeleted, purgeManifest } from './purge-deleted.ts';
import { putManifest } from './put-manifest.ts';
import { findRepository } from './repositories.ts';
import { restoreManifest } from './restore-deleted.ts';

type During = <T>(operation: string, action: () => Promise<T>) => Promise<T>;

/** An image of blobs that the repository has. */
type Image = { mediaType: string; [field: string]: unknown };

/** What soft delete does, as `exercise` does the rest. */
export async function exerciseDeleted(
  base: Catalog,
  during: During,
  { registryId, name }: Repository,
  { later, image }: { later(ms: number): void; image: Image },
): Promise<void> {
  const retentionMs = 86_400_000;
  const catalog: Catalog = { ...base, softDelete: () => ({ enabled: true, retentionMs }) };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...image }));
  const digest = digestOf(bytes);
  const parsed = parseManifest(bytes, image.mediaType);
  const put = (to: string) =>
    during('push what is kept as deleted', () =>
      putManifest(catalog, registryId, to, { digest, bytes, parsed, tags: ['deleted-1', 'deleted-2'] }),
    );
  const remove = async (from: string) => {
    const repository = (await findRepository(catalog, registryId, from))!;
    await during('delete a manifest that is kept', () => deleteManifest(catalog, repository, digest));
    return repository;
  };
  for (const _ of ['pushed', 'pushed again']) {
    await put(name);
    await remove(name);
  }
  await during('list what is deleted', async () => {
    await listDeletedRepositories(catalog, registryId, () => true, { last: '', limit: 10 });
    for (const order of ['name', 'newest', 'oldest'] as const) {
      for (const last of ['', digest]) {
        await describeDeleted(catalog, registryId, name, { order, last, at: 5, limit: 10 });
        await describeDeletedTags(catalog, registryId, name, { order, last, limit: 10 });
        await describeDeletedTags(catalog, registryId, name, { order, last, tag: 'deleted-1', limit: 10 });
        await describeDeletedTags(catalog, registryId, name, { order, last, at: 5, digest, limit: 10 });
      }
    }
  });
  await during('restore a manifest', () => restoreManifest(catalog, registryId, name, digest, { tag: 'deleted-1' }));
  const blob = parsed.references[0]!.digest;
  const whole = `whole-${digest.slice(7, 20)}`;
  for (const reference of parsed.references)
    await mountBlob(catalog, registryId, whole, reference.digest, name, () => true);
  await put(whole);
  const repository = await remove(whole);
  await during('delete a blob that is kept', () => deleteBlob(catalog, repository, blob).catch(() => {}));
  await put(whole);
  await during('delete a repository that is kept', () => deleteRepository(catalog, repository));
  await during('restore a manifest', () => restoreManifest(catalog, registryId, whole, digest));
  await remove(whole);
  await during('purge a manifest', () => purgeManifest(catalog, registryId, whole, digest));
  await remove(name);
  later(retentionMs);
  await during('purge what is deleted', () => purgeDeleted(catalog));
}
