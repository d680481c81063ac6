import {
  collectStep,
  commitBlob,
  deleteBlob,
  deleteManifest,
  findRepository,
  mountBlob,
  putManifest,
} from '../../src/catalog/index.ts';
import { sweepDeleted, type UploadBody } from '../../src/content/index.ts';
import { RegistryError } from '../../src/errors/index.ts';
import { type Digest, digestOf, mediaTypes, parseManifest } from '../../src/oci/index.ts';
import {
  digestOfKey,
  type Extent,
  keyOf,
  type Ledger,
  type SessionState,
  withCollection,
  withEntry,
} from './power-cut-ledger.ts';
import { gcDelayMs, type World } from './power-cut-world.ts';
import type { Random } from './random.ts';

/** Few, so that clients meet each other's; of several sizes, so that some span blocks. */
export const contents = [1, 15, 40, 90, 200].map((size, at) => Buffer.from(`${at}`.repeat(size)));

export const bodyOf = (bytes: Buffer): UploadBody => ({
  stream: new Blob([bytes]).stream(),
  length: bytes.length,
});

export interface Book {
  ledger: Ledger;
  /** How often time was let pass for collection to begin. */
  collections: number;
}

/** One client with a repository of its own: does `steps` random things and writes down what it may rely on. */
export async function runClient(world: World, book: Book, name: string, steps: number, random: Random): Promise<void> {
  const { catalog, registryId, db, store } = world;
  let { uploads } = world;
  const owner = { registryId, repository: name, creator: 'test' };
  const link = (tx: Parameters<typeof commitBlob>[1], blob: Parameters<typeof commitBlob>[4]) =>
    commitBlob(catalog, tx, registryId, name, blob);
  const set: (...change: Parameters<typeof withEntry> extends [Ledger, ...infer R] ? R : never) => void = (...change) =>
    void (book.ledger = withEntry(book.ledger, ...change));
  const setBlob = (content: Buffer, presence: 'there' | 'maybe' | 'gone') =>
    set('blobs', keyOf(name, digestOf(content)), { repository: name, content, presence });
  /**
   * Before a push is answered the blob may be there, unless it is anyway. The returned function says that it was
   * answered: then the blob is there, unless it took longer than what nobody references is kept.
   */
  const mayPush = (content: Buffer) => {
    const { collections } = book;
    if (book.ledger.blobs.get(keyOf(name, digestOf(content)))?.presence !== 'there') setBlob(content, 'maybe');
    return () => {
      if (collections === book.collections) setBlob(content, 'there');
    };
  };
  const mine = (presence: string) =>
    [...book.ledger.blobs.values()].filter((blob) => blob.repository === name && blob.presence === presence);

  async function put(): Promise<void> {
    const content = random.pick(contents);
    const pushed = mayPush(content);
    await uploads.put(owner, bodyOf(content), digestOf(content), link);
    pushed();
  }

  async function upload(): Promise<void> {
    const content = random.pick(contents);
    const id = await uploads.open(owner, random.chance(0.8) ? 'sha256' : 'sha512');
    let state: SessionState = { repository: name, possible: [{ content, least: 0, most: 0 }], closing: undefined };
    const record = (change: Partial<SessionState>) => set('sessions', id, (state = { ...state, ...change }));
    record({});
    const append = async (bytes: Buffer, from: number, whole: Buffer, before: Extent[] = []) => {
      record({
        possible: [...before, { content: whole, least: before.length > 0 ? 0 : from, most: from + bytes.length }],
      });
      const offset = await uploads.hold(id, owner, (session) => session.append(bodyOf(bytes), from));
      record({ possible: [{ content: whole, least: offset, most: offset }] });
    };
    if (random.chance(0.25)) {
      // A first attempt with other bytes, begun anew.
      const other = random.pick(contents);
      await append(other, 0, other);
      await append(content.subarray(0, 10), 0, content, [...state.possible]);
    }
    let offset = state.possible[0]!.most;
    for (let chunks = random.below(3); chunks > 0 && offset < content.length; chunks--) {
      const bytes = content.subarray(offset, offset + 1 + random.below(content.length - offset));
      await append(bytes, offset, content);
      offset += bytes.length;
    }
    if (random.chance(0.1)) return;
    if (random.chance(0.1)) {
      record({ closing: null });
      await uploads.cancel(id, owner);
      return set('sessions', id, undefined);
    }
    if (random.chance(0.2)) {
      const wrong = uploads.hold(id, owner, (it) => it.close(bodyOf(Buffer.from('x')), digestOf('wrong'), link));
      await wrong.catch(expected('DIGEST_INVALID'));
    }
    if (random.chance(0.3)) {
      // The process dies once the bytes are published, all of them or those so far; another one goes on.
      const dies = () => Promise.reject(new Error('died'));
      const whole = random.chance(0.5);
      const last = whole && offset < content.length ? bodyOf(content.subarray(offset)) : undefined;
      const digest = digestOf(whole ? content : content.subarray(0, offset));
      await uploads.hold(id, owner, (session) => session.close(last, digest, dies)).catch(() => {});
      uploads = world.restart();
      if (random.chance(0.7)) {
        if (random.chance(0.3)) await append(content.subarray(0, 20), 0, content, [...state.possible]);
        else if (offset < content.length) await append(content.subarray(offset, offset + 1), offset, content);
        offset = state.possible[0]!.most;
      }
    }
    const pushed = mayPush(content);
    record({ closing: content });
    const rest = offset < content.length || random.chance(0.1) ? bodyOf(content.subarray(offset)) : undefined;
    await uploads.hold(id, owner, (session) => session.close(rest, digestOf(content), link));
    pushed();
    set('sessions', id, undefined);
  }

  async function mount(): Promise<void> {
    const content = random.pick(contents);
    const pushed = mayPush(content);
    if (await mountBlob(catalog, registryId, name, digestOf(content), undefined, () => true)) pushed();
  }

  async function pushManifest(): Promise<void> {
    const held = mine('there').map(({ content }) => content);
    if (held.length === 0) return put();
    const [config, ...layers] = held.map((content) => ({
      mediaType: mediaTypes.ociConfig,
      digest: digestOf(content),
      size: content.length,
    }));
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }));
    const digest = digestOf(bytes);
    const key = keyOf(name, digest);
    if (book.ledger.manifests.get(key)?.presence !== 'there') {
      set('manifests', key, { repository: name, presence: 'maybe', contents: held });
    }
    set('tags', name, [...(book.ledger.tags.get(name) ?? [undefined]), digest]);
    const parsed = parseManifest(bytes, mediaTypes.ociManifest);
    await putManifest(catalog, registryId, name, { digest, bytes, parsed, tags: ['latest'] });
    set('manifests', key, { repository: name, presence: 'there', contents: held });
    set('tags', name, [digest]);
    // Collection may have been about to take them; it looked again, and they are held now.
    for (const content of held) setBlob(content, 'there');
  }

  async function removeManifest(): Promise<void> {
    const [key, manifest] =
      [...book.ledger.manifests].find(([, it]) => it.repository === name && it.presence === 'there') ?? [];
    const repository = await findRepository(catalog, registryId, name);
    if (!key || !manifest || !repository) return;
    set('manifests', key, { ...manifest, presence: 'maybe' });
    const tags = book.ledger.tags.get(name) ?? [];
    const after = tags.map((tag): Digest | undefined => (tag === digestOfKey(key) ? undefined : tag));
    set('tags', name, [...new Set([...tags, ...after])]);
    await deleteManifest(catalog, repository, digestOfKey(key));
    set('manifests', key, { ...manifest, presence: 'gone' });
    set('tags', name, after);
  }

  async function removeBlob(): Promise<void> {
    const blob = mine('there')[0];
    const repository = await findRepository(catalog, registryId, name);
    if (!blob || !repository) return;
    setBlob(blob.content, 'maybe');
    try {
      await deleteBlob(catalog, repository, digestOf(blob.content));
      setBlob(blob.content, 'gone');
    } catch (error) {
      expected('DENIED', 'BLOB_UNKNOWN')(error);
      if ((error as RegistryError).code === 'DENIED') setBlob(blob.content, 'there');
    }
  }

  async function collect(): Promise<void> {
    // From now on, and for a while: what is pushed meanwhile is young.
    world.pass(2 * gcDelayMs);
    book.collections++;
    book.ledger = withCollection(book.ledger);
    while ((await collectStep(catalog, 3)).examined > 0);
    await sweepDeleted(db, store);
  }

  const likely = [
    put,
    put,
    upload,
    upload,
    upload,
    mount,
    pushManifest,
    pushManifest,
    removeManifest,
    removeBlob,
    collect,
  ];
  for (let at = 0; at < steps; at++) await random.pick(likely)().catch(expected('MANIFEST_BLOB_UNKNOWN'));
}

/** Swallows refusals that a random history may meet; anything else is a fault. */
function expected(...codes: string[]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof RegistryError) || !codes.includes(error.code)) throw error;
  };
}
