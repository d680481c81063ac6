import {
  type Blob,
  blobOf,
  blobsOfImage,
  type Content,
  imageOf,
  indexOf,
  nameOf,
  referrerOf,
  tagOf,
  type World,
} from './world.ts';

export type Value = string | number | Uint8Array | null;

/** Takes rows in bulk. The columns of a table are always the same ones. */
export interface Sink {
  add(table: TableName, values: readonly Value[]): void;
  /** Resolves when it can take more. */
  ready(): Promise<void>;
}

const scope = ['registry_id', 'repository_id'];

/** What is filled, in the order of values. */
export const tables = {
  repositories: ['id', 'registry_id', 'name', 'created_at'],
  blobs: ['digest', 'size', 'key', 'created_at'],
  blob_links: [...scope, 'digest', 'key', 'size', 'created_at'],
  manifests: [
    ...scope,
    'digest',
    'media_type',
    'artifact_type',
    'kind',
    'size',
    'subject_digest',
    'annotations',
    'pushed_at',
    'bytes',
  ],
  manifest_references: [...scope, 'manifest_digest', 'digest', 'role', 'required', 'size', 'media_type'],
  tags: [...scope, 'name', 'digest', 'created_at', 'updated_at'],
  tag_history: [...scope, 'tag', 'digest', 'at'],
  gc_candidates: [...scope, 'kind', 'digest', 'not_before'],
  events: ['registry_id', 'type', 'data', 'at'],
} as const satisfies Record<string, readonly string[]>;

export type TableName = keyof typeof tables;

/** Repositories of the world begin here; what a server made before has smaller ids. */
export const firstId = 1000;

/** Every so many tags point to an index, have a referrer, left a layer that nobody names, moved, or are recent. */
const every = { index: 20, referrer: 50, spare: 100, moved: 3, recent: 5 };

/** Hands the rows of a world to a sink, repository by repository; what pushes and deletes would have written. */
export async function fillWorld(world: World, registryId: number, now: number, sink: Sink): Promise<void> {
  const month = 30 * 86_400_000;
  const blob = ({ digest, size, key }: Blob) => sink.add('blobs', [digest, size, key, now - month]);
  for (let base = 0; base < world.bases; base++) blob(blobOf(world, 'base', base));
  blob(blobOf(world, 'signature', 0));
  let referrers = 0;

  for (let repository = 0; repository < world.repositories; repository++) {
    const id = firstId + repository;
    const name = nameOf(repository);
    const linked = new Set<string>();
    sink.add('repositories', [id, registryId, name, now - month]);
    const link = ({ digest, key, size }: Blob) => {
      if (linked.has(digest)) return;
      linked.add(digest);
      sink.add('blob_links', [registryId, id, digest, key, size, now - month]);
    };
    const manifest = (content: Content) => addManifest(sink, [registryId, id], content, now - month);
    const refer = (subject: Content) => {
      const own = blobOf(world, 'signature', ++referrers);
      blob(own);
      link(own);
      link(blobOf(world, 'signature', 0));
      manifest(referrerOf(world, referrers - 1, subject));
    };
    const event = (type: string, data: object) =>
      sink.add('events', [registryId, type, JSON.stringify({ repository: name, ...data }), now]);

    let previous: Content | undefined;
    for (let tag = world.first[repository]!; tag < world.first[repository + 1]!; tag++) {
      const place = tag - world.first[repository]!;
      const blobs = blobsOfImage(world, tag);
      const { base, own } = blobs;
      for (const one of own) blob(one);
      for (const one of [base, ...own]) link(one);
      const image = imageOf(world, tag, blobs);
      manifest(image);
      const index = previous && tag % every.index === 0 ? indexOf([previous, image]) : undefined;
      if (index) manifest(index);
      const { digest } = index ?? image;
      previous = image;
      sink.add('tags', [registryId, id, tagOf(place), digest, now - month, now - month]);
      if (tag % every.moved === 0) sink.add('tag_history', [registryId, id, tagOf(place), image.digest, now - month]);
      sink.add('tag_history', [registryId, id, tagOf(place), digest, now - month]);
      if (tag % every.referrer === 0) refer(image);
      if (tag === 0) for (let more = 1; more < world.referrers; more++) refer(image);
      if (tag % every.spare === 0) {
        const spare = blobOf(world, 'spare', tag);
        blob(spare);
        link(spare);
        sink.add('gc_candidates', [registryId, id, 'link', spare.digest, now + 3_600_000 + tag]);
      }
      if (tag % every.recent === 0) {
        event('manifest.pushed', { digest: image.digest, mediaType: image.mediaType });
        event('tag.moved', { tag: tagOf(place), digest: image.digest, previous: null });
      }
      if (tag % 100 === 0) await sink.ready();
    }
  }
}

/** The rows that a push of it makes. */
function addManifest(sink: Sink, of: readonly [number, number], content: Content, at: number): void {
  const { digest, mediaType, artifactType, kind, bytes, subject, annotations, references } = content;
  const size = bytes.byteLength;
  sink.add('manifests', [...of, digest, mediaType, artifactType, kind, size, subject, annotations, at, bytes]);
  for (const one of references) {
    sink.add('manifest_references', [...of, digest, one.digest, one.role, 1, one.size, one.mediaType]);
  }
}
