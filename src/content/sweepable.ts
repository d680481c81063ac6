import type { Database } from '../database/index.ts';
import { deletingBlobs } from './store.ts';
import { idleUploads, type UploadRow } from './upload-store.ts';

/** Something that a sweep would remove. */
interface Sweepable {
  kind: 'blob' | 'upload';
  /** Registry and name of the repository; 0 and undefined for a blob, which belongs to none. */
  registryId: number;
  repository: string | undefined;
  /** Digest of the blob, or id of the upload. */
  id: string;
  bytes: number;
}

/**
 * What `sweepDeleted` and the sweep of uploads would remove, without removing it, by the facts alone: a session at work
 * whose row was silent for as long is among it, and a staging area that no session knows is not.
 */
export async function* listSweepable(db: Database, before: number, pageSize = 200): AsyncIterable<Sweepable> {
  for (let after = 0; ;) {
    const rows = await deletingBlobs(db, pageSize, after);
    for (const { digest, size } of rows)
      yield { kind: 'blob', registryId: 0, repository: undefined, id: digest, bytes: size };
    if (rows.length < pageSize) break;
    after = rows.at(-1)!.id;
  }
  for (let after: UploadRow | undefined; ;) {
    const rows = await idleUploads(db, before, pageSize, after);
    for (const { id, registry_id: registryId, repository, offset } of rows)
      yield { kind: 'upload', registryId, repository, id, bytes: offset };
    if (rows.length < pageSize) return;
    after = rows.at(-1)!;
  }
}
