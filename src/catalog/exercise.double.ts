import { randomUUID } from 'node:crypto';
import {
  createFileStore,
  createUploads,
  findBlob,
  listSweepable,
  sweepDeleted,
  type UploadBody,
} from '../content/index.ts';
import { consumeEvents, trimEvents } from '../events/index.ts';
import { digestOf, fallbackTag, mediaTypes, parseManifest } from '../oci/index.ts';
import { checkCatalog } from './check.ts';
import { wholeRepository } from './attributes.ts';
import { changeAttributes } from './change-attributes.ts';
import { collectStep } from './collect.ts';
import { createPullCounter } from './count-pulls.ts';
import type { Catalog } from './context.ts';
import { deleteMetadata, findMetadata, listMetadata, putMetadata } from './custom-metadata.ts';
import { deleteManifest } from './delete-manifest.ts';
import { deleteRepository } from './delete-repository.ts';
import { describeManifest, describeManifests, hasManifest } from './describe-manifests.ts';
import { describeRepository, findListedRepository } from './describe-repository.ts';
import { describeTag, describeTags, describeTagsOf } from './describe-tags.ts';
import { exerciseDeleted } from './exercise-deleted.double.ts';
import { exerciseSearch } from './exercise-search.double.ts';
import { exerciseStorage, farLimits } from './exercise-storage.double.ts';
import { findBlobToKeep, findLinkedBlob } from './find-blob.ts';
import { findManifest, findManifestFacts, findManifestToKeep } from './find-manifest.ts';
import { listGarbage } from './garbage.ts';
import { dropMissingBlob } from './heal.ts';
import { commitBlob, deleteBlob, mountBlob } from './links.ts';
import { pullsOf } from './pulls.ts';
import { looseReleases } from './loose-releases.ts';
import { putManifest } from './put-manifest.ts';
import { dayOf, regionPullsOf } from './region-pulls.ts';
import { listReferrers } from './referrers.ts';
import { collectRetired, ensureRegistry, registryNames, retireRegistry } from './registries.ts';
import { emptyRetired } from './retire-repository.ts';
import { findRepository, listRepositories, repositoryIds } from './repositories.ts';
import { recording, type Statement } from './statements.double.ts';
import { listTagHistory, restoreTag } from './tag-history.ts';
import { deleteTag, listTags } from './tags.ts';
import { trimTagHistory } from './trim-history.ts';

export interface Exercise {
  /** A repository with much of everything. */
  repository: string;
  /** Where bytes go. */
  directory: string;
  /** Moves the clock of the catalog on (ms). */
  later(ms: number): void;
}

/** What one operation sent, by its name. */
export type Recorded = Map<string, Statement[]>;

/** Runs everything that a request or the background does, and returns the statements of each. */
export async function exercise(base: Catalog, registryId: number, given: Exercise): Promise<Recorded> {
  const { repository: name, directory, later } = given;
  const recorded: Recorded = new Map();
  let statements: Statement[] = [];
  const db = recording(base.db, (statement) => statements.push(statement));
  const catalog = { ...base, storageLimiter: farLimits(), db };
  const { now, gcDelayMs } = catalog;
  const during = async <T>(operation: string, action: () => Promise<T>): Promise<T> => {
    statements = recorded.get(operation) ?? [];
    recorded.set(operation, statements);
    return action();
  };
  const store = await createFileStore(directory);
  const limits = { stallMs: 60_000, minBytesPerSecond: 0, maxBytes: 2 ** 30 };
  const uploads = createUploads(db, store, limits, { now });
  const own = randomUUID();
  const owner = { registryId, repository: name, creator: 'nobody' };

  const push = async (content: string, to = name) => {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    const session = { ...owner, repository: to };
    const link: Parameters<typeof uploads.put>[3] = (tx, blob) => commitBlob(catalog, tx, registryId, to, blob);
    const id = await during('open an upload', () => uploads.open(session, 'sha256'));
    await during('append to an upload', () =>
      uploads.hold(id, session, (held) => held.append(bodyOf(bytes.subarray(1)), undefined).then(() => {})),
    );
    await during('begin an upload anew', () =>
      uploads.hold(id, session, (held) => held.append(bodyOf(bytes), 0).then(() => {})),
    );
    await during('finish an upload', () => uploads.hold(id, session, (held) => held.close(undefined, digest, link)));
    await during('upload a blob in one request', () => uploads.put(session, bodyOf(bytes), digest, link));
    return { digest, size: bytes.byteLength, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
  };
  const put = async (json: { mediaType: string; [field: string]: unknown }, tags: string[] = []) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...json }));
    const { mediaType } = json;
    const digest = digestOf(bytes);
    const parsed = parseManifest(bytes, mediaType);
    await during(`put an ${parsed.kind}${parsed.subject ? ' that is a referrer' : ''}`, () =>
      putManifest(catalog, registryId, name, { digest, bytes, parsed, tags }),
    );
    return { digest, size: bytes.byteLength, mediaType };
  };

  const blob = await push(`config ${own}`);
  const spare = await push(`spare ${own}`);
  const image = (more: object = {}) => ({ mediaType: mediaTypes.ociManifest, config: blob, layers: [spare], ...more });
  await during('find or make a registry', () => ensureRegistry(catalog, `other-${own}`));
  await during('mount a blob', async () => {
    await mountBlob(catalog, registryId, `b-${own}`, blob.digest, name, () => true);
    await mountBlob(catalog, registryId, `c-${own}`, blob.digest, undefined, () => true);
  });
  const subject = await put(image(), [`v1-${own}`, `v2-${own}`]);
  const referrer = await put(image({ subject }), [`v1-${own}`]);
  await put(image({ subject, artifactType: 'x/y' }), [`v3-${own}`]);
  const index = await put({ mediaType: mediaTypes.ociIndex, manifests: [referrer] }, [fallbackTag(subject.digest)]);
  await put(image(), [`v4-${own}`]);

  const repository = (await during('find a repository', () => findRepository(catalog, registryId, name)))!;
  const names = [name, 'b', 'c', 'd', 'e'];
  await during('find the ids of repositories', () => repositoryIds(catalog, registryId, names));
  await during('find the id of a repository', () => repositoryIds(catalog, registryId, [name]));
  for (const reference of [{ digest: subject.digest }, { tag: `v1-${own}` }]) {
    const how = 'digest' in reference ? 'by digest' : 'by tag';
    // The third time only its digest is asked for.
    for (const when of ['', ' again', ' and again'])
      await during(`get a manifest ${how}${when}`, () => findManifest(catalog, registryId, name, reference));
    await during(`head a manifest ${how}`, async () => {
      await findManifestFacts(catalog, registryId, name, reference);
      await findManifestToKeep(catalog, registryId, name, reference);
    });
  }
  await during('get a blob', () => findLinkedBlob(catalog, registryId, name, blob.digest));
  const extra = await push(`extra ${own}`);
  later(gcDelayMs / 2);
  await during('head a blob', () => findBlobToKeep(catalog, registryId, name, extra.digest));
  await during('head a blob', () => findBlob(db, blob.digest));
  await during('list tags', () => listTags(catalog, repository, `v1-${own}`, 10));
  await during('list repositories', () => listRepositories(catalog, registryId, 'r1', 10));
  await during('list referrers', async () => {
    const page = { last: '', maxBytes: 1_000_000 };
    await listReferrers(catalog, repository, subject.digest, { ...page, artifactType: undefined });
    await listReferrers(catalog, repository, subject.digest, { ...page, artifactType: 'x/y' });
  });
  await during('describe a repository', async () => {
    await describeRepository(catalog, (await findListedRepository(catalog, registryId, name))!);
  });
  await during('describe tags', async () => {
    await describeTag(catalog, repository, `v1-${own}`);
    await describeTagsOf(catalog, repository, subject.digest, { last: '', limit: 10 });
    for (const order of ['name', 'newest', 'oldest'] as const) {
      await describeTags(catalog, repository, { order, last: '', limit: 10 });
      await describeTags(catalog, repository, { order, last: `v1-${own}`, limit: 10 });
    }
  });
  await during('describe manifests', async () => {
    await describeManifest(catalog, repository, index.digest);
    for (const order of ['name', 'newest', 'oldest'] as const)
      await describeManifests(catalog, repository, { order, last: subject.digest, limit: 10 });
  });
  await during('search manifests', () => exerciseSearch(catalog, repository, [subject.digest, index.digest]));
  const counter = createPullCounter(catalog, () => 'somewhere');
  const puller = { registryId, address: () => '192.0.2.1' };
  for (const tag of [`v1-${own}`, `v2-${own}`]) counter.pulled(puller, repository.id, subject.digest, tag);
  await during('count pulls', () => counter.write());
  await during('describe pulls', async () => {
    await pullsOf(catalog, repository, [subject.digest, `v1-${own}`]);
    await regionPullsOf(catalog, registryId, { last: dayOf(now()), count: 7 });
  });
  await during('list the history of a tag', async () => {
    await listTagHistory(catalog, repository, `v1-${own}`, { limit: 10 });
    await listTagHistory(catalog, repository, `v1-${own}`, { before: 1000, limit: 10 });
  });
  await during('lock and be refused', async () => {
    const locked = { readEnabled: false, listEnabled: false, deleteEnabled: false, reason: 'r' };
    const subjects = [
      { kind: 'tag', name: `v1-${own}` },
      { kind: 'manifest', name: subject.digest },
      wholeRepository,
    ] as const;
    for (const of of subjects) await changeAttributes(catalog, repository, of, locked, 'somebody');
    const refused = [
      () => findManifest(catalog, registryId, name, { tag: `v1-${own}` }),
      () => findLinkedBlob(catalog, registryId, name, blob.digest),
      () => deleteTag(catalog, repository, `v1-${own}`),
      () => deleteManifest(catalog, repository, subject.digest),
      () => deleteRepository(catalog, repository),
    ];
    for (const attempt of refused) if (await attempt().catch(() => false)) throw new Error('it was not refused');
    await describeTags(catalog, repository, { order: 'name', last: '', limit: 10 });
    await listTags(catalog, (await findRepository(catalog, registryId, name))!, '', 10);
    const open = { readEnabled: true, listEnabled: true, deleteEnabled: true };
    await changeAttributes(catalog, repository, wholeRepository, open, 'somebody');
    await findManifest(catalog, registryId, name, { tag: `v1-${own}` }).catch(() => {});
    await deleteManifest(catalog, repository, subject.digest).catch(() => {});
    for (const of of subjects) await changeAttributes(catalog, repository, of, open, 'somebody');
  });
  await during('look for releases', () => looseReleases(catalog, registryId, { since: 0, most: 10 }));
  await during('keep metadata', async () => {
    for (const of of [wholeRepository, { kind: 'tag', name: `v1-${own}` } as const]) {
      await putMetadata(catalog, repository, of, 'key', { value: 'x', mediaType: 'text/plain' });
      await findMetadata(catalog, repository, of, 'key');
      await listMetadata(catalog, repository, of);
      await deleteMetadata(catalog, repository, of, 'key');
    }
    await hasManifest(catalog, repository, subject.digest);
  });
  await during('delete a tag', () => deleteTag(catalog, repository, `v3-${own}`));
  await during('undelete a tag', async () => {
    await restoreTag(catalog, repository, `v3-${own}`);
    await restoreTag(catalog, repository, `v1-${own}`, { digest: subject.digest, force: true });
  });
  await exerciseStorage(catalog, during, repository, { digest: subject.digest, tag: `v1-${own}` });
  await during('delete a tag', () => deleteTag(catalog, repository, `v3-${own}`));
  await during('delete a blob', () => deleteBlob(catalog, repository, extra.digest));
  await during('delete a manifest', () => deleteManifest(catalog, repository, index.digest));
  await during('delete a manifest', () => deleteManifest(catalog, repository, subject.digest));

  const leaving = `leaving-${own}`;
  const gone = await ensureRegistry(catalog, leaving);
  const empty = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }));
  const parsed = parseManifest(empty, mediaTypes.ociIndex);
  for (const to of [registryId, gone])
    await putManifest(catalog, to, leaving, { digest: digestOf(empty), bytes: empty, parsed, tags: ['v1'] });
  await during('delete a repository', async () => {
    await deleteRepository(catalog, (await findRepository(catalog, registryId, leaving))!);
  });
  await exerciseDeleted(catalog, during, repository, { later, image: image({ annotations: { deleted: own } }) });
  later(600_000);
  await during('delete a repository', () => emptyRetired(catalog));
  await during('delete a registry', async () => {
    await registryNames(catalog);
    await db.write((tx) => retireRegistry(tx, leaving));
    while (await collectRetired(catalog));
  });

  await during('open an upload', () => uploads.open(owner, 'sha256'));
  const cancelled = await during('open an upload', () => uploads.open(owner, 'sha256'));
  await during('cancel an upload', () => uploads.cancel(cancelled, owner));
  later(gcDelayMs / 2);
  for (let round = 0; round < 3; round++) {
    await during('show garbage', async () => {
      for await (const _ of listGarbage(catalog)) break;
      for await (const _ of listSweepable(db, now())) break;
    });
    await during('collect garbage', () => collectStep(catalog, 50));
    await during('remove the bytes of blobs', () => sweepDeleted(db, store));
    await during('sweep uploads', () => uploads.sweep(now(), 50));
    later(gcDelayMs + 600_000);
  }
  await during('read events', () => consumeEvents(db, `reader-${own}`, async () => {}, 20));
  await during('trim the history of tags', async () => {
    while (await trimTagHistory(catalog, 0));
  });
  await during('trim events', () => trimEvents(db, now(), 20));
  await during('forget a missing blob', () => dropMissingBlob(catalog, blob.digest, 'elsewhere'));
  return recorded;
}

/** The same for `fsck`, which reads everything. */
export async function exerciseCheck(base: Catalog): Promise<Recorded> {
  const statements: Statement[] = [];
  const catalog = { ...base, db: recording(base.db, (statement) => statements.push(statement)) };
  await Array.fromAsync(checkCatalog(catalog, { repair: false }));
  return new Map([['compare all facts', statements]]);
}

function bodyOf(bytes: Uint8Array): UploadBody {
  return { stream: new Blob([Uint8Array.from(bytes)]).stream(), length: bytes.byteLength };
}
