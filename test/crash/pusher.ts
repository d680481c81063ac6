import { type Content, contentOf, digestOf, imageOf } from './client.ts';
import { Broken, describeAnswer, Excused, Fault, mustAnswer } from './fault.ts';
import { type KnownBlob, type KnownManifest, type KnownRepository, mustHold, tagOf } from './ledger.ts';
import { createRegister } from './register.ts';
import { attempt, attemptRead, finishUpload, pushBlob, type Pushing } from './upload.ts';

export interface Pusher extends Pushing {
  /** Its own, where nobody else writes. */
  home: KnownRepository;
  /** Where all pushers write and move the same tags. */
  shared: KnownRepository;
  neighbours: readonly KnownRepository[];
  /** Layers that every image may have, so that content meets itself again and again. */
  bases: readonly Content[];
  /** Of the larger layers, and how many of all these are. */
  large: { chance: number; sizes: readonly number[] };
  /** Whether its next layer is one of them. */
  nextIsLarge: boolean;
  images: { repository: KnownRepository; manifest: KnownManifest }[];
}

const tags = ['latest', 'stable', 'v1', 'v2'];
const mostImages = 6;

/** Pushes, moves, deletes and pulls until the server is gone. Throws a Fault when an answer is wrong. */
export async function pushOn(pusher: Pusher, stopped: () => boolean): Promise<void> {
  try {
    for (const { repository, upload } of pusher.uploads)
      await unlessExcused(() => finishUpload(pusher, repository, upload));
    while (!stopped()) {
      const action = pusher.random.pick(pusher.images.length > mostImages ? removals : actions);
      await unlessExcused(() => action(pusher));
    }
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    if (!stopped()) throw new Fault('a connection broke while the server was alive', { cause: error.cause });
  }
}

async function unlessExcused(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Excused)) throw error;
    await Bun.sleep(20);
  }
}

async function pushImage(pusher: Pusher): Promise<void> {
  const { random, client } = pusher;
  const repository = random.chance(0.7) ? pusher.home : pusher.shared;
  const contents = [contentOf(random.bytes(200))];
  for (let layers = 1 + random.below(2); layers > 0; layers--) contents.push(layerOf(pusher));
  if (random.chance(0.4)) contents.push(random.pick(pusher.bases));
  const blobs: KnownBlob[] = [];
  for (const content of contents) {
    const source = pusher.bases.includes(content) && random.chance(0.5) ? random.pick(pusher.neighbours) : undefined;
    blobs.push(await pushBlob(pusher, repository, content, source));
  }
  const image = imageOf(contents);
  const manifest: KnownManifest = { ...image, blobs, present: createRegister(false) };
  repository.manifests.set(image.digest, manifest);
  const certain = () => blobs.every((blob) => mustHold(repository, blob));
  const before = certain();
  const name = random.pick(tags);
  const tag = tagOf(repository, name);
  const changes = [manifest.present.change(true), tag.change(image.digest)];
  const send = random.chance(0.5)
    ? () => client.putManifest(repository.name, name, image.bytes)
    : () => client.putManifest(repository.name, `${image.digest}?tag=${name}`, image.bytes);
  pusher.images.push({ repository, manifest });
  const answer = await attempt(pusher, send, ...changes);
  if (answer.status >= 400 && answer.status < 500 && !(before && certain())) {
    for (const change of changes) change.refused();
    return;
  }
  mustAnswer(`PUT of a manifest whose blobs are all there (${repository.name})`, answer, 201);
  for (const change of changes) change.acknowledged();
}

function layerOf(pusher: Pusher): Content {
  const { random, large, nextIsLarge } = pusher;
  pusher.nextIsLarge = false;
  const isLarge = nextIsLarge || random.chance(large.chance);
  const size = isLarge ? random.pick(large.sizes) : random.chance(0.15) ? 120_000 : 200 + random.below(6000);
  return contentOf(random.bytes(size));
}

async function moveTag(pusher: Pusher): Promise<void> {
  const image = pusher.random.pick(pusher.images);
  if (!image?.manifest.present.mustBe(true)) return pushImage(pusher);
  const { repository, manifest } = image;
  const name = pusher.random.pick(tags);
  const change = tagOf(repository, name).change(manifest.digest);
  const answer = await attempt(pusher, () => pusher.client.putManifest(repository.name, name, manifest.bytes), change);
  mustAnswer('PUT of a manifest that is there', answer, 201);
  change.acknowledged();
}

async function deleteImage(pusher: Pusher): Promise<void> {
  const { images, random, client } = pusher;
  const image = random.pick(images);
  if (!image) return;
  const { repository, manifest } = image;
  const must = manifest.present.mustBe(true);
  const change = manifest.present.change(false);
  const pointing = [...repository.tags.values()].filter((tag) => tag.possible().includes(manifest.digest));
  const cleared = pointing.map((tag) => tag.change(null));
  const answer = await attempt(
    pusher,
    () => client.remove(repository.name, 'manifests', manifest.digest),
    change,
    ...cleared,
  );
  mustAnswer('DELETE of a manifest', answer, ...(must ? [202] : [202, 404]));
  change.acknowledged();
  // Only tags that pointed to it then are gone.
  for (const one of cleared) one.refused();
  for (const tag of pointing) tag.replaced(manifest.digest, null);
  pusher.images = images.filter((other) => other !== image);
}

async function deleteTag(pusher: Pusher): Promise<void> {
  const { random, client } = pusher;
  const repository = random.chance(0.5) ? pusher.home : pusher.shared;
  const name = random.pick(tags);
  const tag = tagOf(repository, name);
  const change = tag.change(null);
  const answer = await attempt(pusher, () => client.remove(repository.name, 'manifests', name), change);
  if (answer.status === 404) {
    change.refused();
    if (repository === pusher.home && !tag.possible().includes(null)) {
      throw new Fault(`a tag was lost: ${describeAnswer(answer)}`);
    }
    return;
  }
  mustAnswer('DELETE of a tag', answer, 202);
  change.acknowledged();
}

/** A blob without an image: food for collection, or deleted at once. */
async function strayBlob(pusher: Pusher): Promise<void> {
  const { random, client, home } = pusher;
  const blob = await pushBlob(pusher, home, layerOf(pusher));
  if (random.chance(0.5)) return;
  const must = mustHold(home, blob, Date.now() + 500);
  const change = blob.present.change(false);
  const answer = await attempt(pusher, () => client.remove(home.name, 'blobs', blob.digest), change);
  mustAnswer('DELETE of a blob', answer, ...(must ? [202] : [202, 404]));
  change.acknowledged();
}

async function cancelUpload(pusher: Pusher): Promise<void> {
  const { client, home, random } = pusher;
  const start = mustAnswer('POST of an upload', await attempt(pusher, () => client.startUpload(home.name)), 202);
  const location = start.headers.get('location')!;
  mustAnswer('PATCH', await attempt(pusher, () => client.patch(location, random.bytes(3000))), 202);
  mustAnswer('DELETE of an upload', await attempt(pusher, () => client.send('DELETE', location)), 204);
}

/** Reads what it alone writes, so that only one answer is right, also while everything goes on. */
async function pull(pusher: Pusher): Promise<void> {
  const { client, home, random, images } = pusher;
  const image = random.chance(0.5) ? random.pick(images) : undefined;
  if (image?.manifest.present.mustBe(true)) return pullBlob(pusher, image.repository, image.manifest);
  const name = random.pick(tags);
  const possible = tagOf(home, name).possible();
  const answer = await attempt(pusher, () => client.get(home.name, 'manifests', name));
  const found = answer.status === 404 ? null : digestOf(mustAnswer('GET of a manifest', answer, 200).bytes);
  if (!possible.includes(found))
    throw new Fault(`${home.name}:${name} is ${found}; it may be ${possible.join(' or ')}`);
}

async function pullBlob(pusher: Pusher, { name }: KnownRepository, { blobs }: KnownManifest): Promise<void> {
  const { digest } = pusher.random.pick(blobs);
  const answer = await attemptRead(pusher, () => pusher.client.get(name, 'blobs', digest));
  const found = digestOf(mustAnswer(`GET of ${digest} in ${name}`, answer, 200).bytes);
  if (found !== digest) throw new Fault(`${name}: ${digest} has the bytes of ${found}`);
}

const actions = [
  pushImage,
  pushImage,
  pushImage,
  pushImage,
  moveTag,
  moveTag,
  deleteTag,
  strayBlob,
  strayBlob,
  cancelUpload,
  pull,
  pull,
];
const removals = [deleteImage, deleteImage, moveTag, pull];
