import { type Client, digestOf } from './client.ts';
import { describeAnswer, Fault, mustAnswer } from './fault.ts';
import { forget, type KnownBlob, type KnownRepository, type KnownUpload, mustHold, tagOf } from './ledger.ts';
import type { Pusher } from './pusher.ts';
import { hasRested, noteOffset } from './upload.ts';

/**
 * Compares all that a server holds, while nobody writes, with what was acknowledged; throws a Fault. What was left
 * open by a broken connection is decided by what is found, and from then on known. Uploads that rested for longer than
 * `uploadExpiryMs` may be gone.
 */
export async function inspect(client: Client, pushers: readonly Pusher[], uploadExpiryMs: number): Promise<void> {
  const repositories = new Set(pushers.flatMap(({ home, shared }) => [home, shared]));
  await Promise.all([...repositories].map((repository) => inspectRepository(client, repository)));
  for (const pusher of pushers) {
    for (const known of pusher.uploads) {
      const alive = await inspectUpload(client, known.repository, known.upload, uploadExpiryMs);
      if (!alive) pusher.uploads.delete(known);
    }
    pusher.images = pusher.images.filter(({ manifest }) => manifest.present.mustBe(true));
  }
  for (const repository of repositories) forget(repository);
}

async function inspectRepository(client: Client, repository: KnownRepository): Promise<void> {
  const { name } = repository;
  const bytesOf = async (kind: 'blobs' | 'manifests', reference: string) => {
    const answer = mustAnswer(
      `GET of ${kind}/${reference} in ${name}`,
      await client.get(name, kind, reference),
      200,
      404,
    );
    if (answer.status === 404) return undefined;
    const digest = digestOf(answer.bytes);
    if (reference.includes(':') && digest !== reference)
      throw new Fault(`${name}: ${kind}/${reference} has the bytes of ${digest}`);
    if (answer.headers.get('docker-content-digest') !== digest)
      throw new Fault(`${name}: ${reference} names another digest`);
    return digest;
  };

  for (const [digest, manifest] of repository.manifests) {
    const found = (await bytesOf('manifests', digest)) !== undefined;
    if (!manifest.present.possible().includes(found)) {
      throw new Fault(`${name}: manifest ${digest} is ${found ? 'there, though it was deleted' : 'lost'}`);
    }
    manifest.present.observe(found);
  }
  // By now each manifest is known to be there or not, and holds its blobs accordingly.
  for (const [digest, blob] of repository.blobs) await inspectBlob(repository, blob, () => bytesOf('blobs', digest));

  const list = await client.send('GET', `/v2/${name}/tags/list`);
  const listed: string[] =
    list.status === 404 ? [] : JSON.parse(new TextDecoder().decode(mustAnswer('GET of tags', list, 200).bytes)).tags;
  for (const tag of listed) tagOf(repository, tag);
  for (const [tag, register] of repository.tags) {
    const found = (await bytesOf('manifests', tag)) ?? null;
    if ((found !== null) !== listed.includes(tag)) throw new Fault(`${name}:${tag} is listed, and points nowhere`);
    if (!register.possible().includes(found)) {
      throw new Fault(`${name}:${tag} is ${found}; it may be ${register.possible().join(' or ')}`);
    }
    if (found !== null && !repository.manifests.get(found)?.present.mustBe(true)) {
      throw new Fault(`${name}:${tag} points to ${found}, which by its digest is not there`);
    }
    register.observe(found);
  }
}

async function inspectBlob(
  repository: KnownRepository,
  blob: KnownBlob,
  get: () => Promise<string | undefined>,
): Promise<void> {
  const found = (await get()) !== undefined;
  // Of a blob that collection may take, absence says nothing; presence where it was deleted would be wrong.
  if (!found && mustHold(repository, blob)) throw new Fault(`${repository.name}: blob ${blob.digest} is lost`);
  const held = [...repository.manifests.values()].some(
    ({ present, blobs }) => present.mustBe(true) && blobs.includes(blob),
  );
  if (!found && held) throw new Fault(`${repository.name}: blob ${blob.digest} of a manifest is missing`);
  if (found && blob.present.mustBe(false))
    throw new Fault(`${repository.name}: blob ${blob.digest} is back after its delete`);
  blob.present.observe(found);
}

/** Whether the upload can go on; then from where the server says. */
async function inspectUpload(
  client: Client,
  repository: KnownRepository,
  upload: KnownUpload,
  expiryMs: number,
): Promise<boolean> {
  const answer = mustAnswer('GET of an upload', await client.send('GET', upload.location), 204, 404);
  if (answer.status === 404) {
    const blob = repository.blobs.get(upload.content.digest);
    // The last PUT did everything, or nothing. What it made may have been collected since.
    const made = blob?.present.mustBe(true) || (upload.finishing ?? Number.POSITIVE_INFINITY) < Date.now();
    if (upload.finishing !== undefined && made) return false;
    if (upload.acknowledged === 0 || hasRested(upload, expiryMs)) return false;
    throw new Fault(`${upload.location} is lost at ${upload.acknowledged}: ${describeAnswer(answer)}`);
  }
  noteOffset(upload, answer);
  return true;
}
