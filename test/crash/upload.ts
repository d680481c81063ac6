import type { Answer, Client, Content } from './client.ts';
import { Broken, mustAnswer } from './fault.ts';
import { blobOf, type KnownBlob, type KnownRepository, type KnownUpload, mustHold } from './ledger.ts';
import type { Random } from './random.ts';
import type { Change } from './register.ts';

export interface Pushing {
  client: Client;
  random: Random;
  /** How long the server keeps what nothing references (ms). */
  gcDelayMs: number;
  /** Uploads that were begun and not finished, also by earlier lives of the server. */
  uploads: Set<{ repository: KnownRepository; upload: KnownUpload }>;
}

/** Sends a change and gives its answer; a broken connection leaves the changes open. */
export async function attempt(send: () => Promise<Answer>, ...changes: Change[]): Promise<Answer> {
  try {
    return await send();
  } catch (error) {
    for (const change of changes) change.unknown();
    throw new Broken('the connection broke', { cause: error });
  }
}

function acknowledge(blob: KnownBlob, change: Change, keptUntil: number): KnownBlob {
  change.acknowledged();
  blob.keptUntil = Math.max(blob.keptUntil, keptUntil);
  return blob;
}

/** Brings a blob into a repository as clients do: asks first, then by any of the ways of the specification. */
export async function pushBlob(
  pushing: Pushing,
  repository: KnownRepository,
  content: Content,
  source?: KnownRepository,
): Promise<KnownBlob> {
  const { client, random, gcDelayMs } = pushing;
  const blob = blobOf(repository, content);
  const asked = Date.now();
  if (blob.present.possible().includes(true) && random.chance(0.8)) {
    const answer = await attempt(() => client.head(repository.name, 'blobs', content.digest));
    if (answer.status === 200) {
      // The server leaves a candidate alone that has nearly its whole time left.
      blob.keptUntil = Math.max(blob.keptUntil, asked + gcDelayMs * 0.85);
      return blob;
    }
    if (mustHold(repository, blob)) mustAnswer(`HEAD of ${content.digest} in ${repository.name}`, answer, 200);
    else mustAnswer('HEAD of a blob', answer, 404);
  }
  const mounted = source && (await mount(pushing, repository, blob, source));
  if (mounted) return blob;
  const began = Date.now();
  const way = random.below(4);
  if (way === 0) {
    const change = blob.present.change(true);
    const answer = await attempt(() => client.postBlob(repository.name, content.digest, content.bytes), change);
    mustAnswer('POST of a blob', answer, 201);
    return acknowledge(blob, change, began + gcDelayMs);
  }
  const start = mustAnswer('POST of an upload', await attempt(() => client.startUpload(repository.name)), 202);
  const location = start.headers.get('location')!;
  if (way === 1) {
    const change = blob.present.change(true);
    const answer = await attempt(() => client.finish(location, content.digest, content.bytes), change);
    mustAnswer('PUT of a blob', answer, 201);
    return acknowledge(blob, change, began + gcDelayMs);
  }
  const upload: KnownUpload = { location, content, acknowledged: 0, sent: 0, finishing: undefined, activeAt: began };
  pushing.uploads.add({ repository, upload });
  if (way === 3 && content.bytes.byteLength > 100) {
    const cut = 1 + random.below(content.bytes.byteLength - 1);
    await sendChunk(pushing, upload, Math.max(2, cut));
  } else {
    await sendChunk(pushing, upload, content.bytes.byteLength);
  }
  return finishUpload(pushing, repository, upload);
}

/** A chunk from where the server is up to `end`. */
async function sendChunk({ client, random }: Pushing, upload: KnownUpload, end: number): Promise<void> {
  const from = upload.acknowledged;
  if (end <= from) return;
  upload.sent = end;
  const bytes = upload.content.bytes.subarray(from, end);
  const answer = await attempt(() => client.patch(upload.location, bytes, random.chance(0.5) ? from : undefined));
  mustAnswer(`PATCH of ${upload.location} from ${from}`, answer, 202);
  upload.acknowledged = end;
  upload.activeAt = Date.now();
}

/** Ends an upload, also one that an earlier life of the server began; what is missing goes first, or with the PUT. */
export async function finishUpload(
  pushing: Pushing,
  repository: KnownRepository,
  upload: KnownUpload,
): Promise<KnownBlob> {
  const { client, random, gcDelayMs } = pushing;
  const { content } = upload;
  const size = content.bytes.byteLength;
  if (random.chance(0.4)) await sendChunk(pushing, upload, size);
  if (upload.acknowledged === size && random.chance(0.1)) {
    const wrong = `sha256:${'0'.repeat(64)}`;
    mustAnswer('PUT with a wrong digest', await attempt(() => client.finish(upload.location, wrong)), 400);
  }
  const rest = upload.acknowledged < size ? content.bytes.subarray(upload.acknowledged) : undefined;
  const blob = blobOf(repository, content);
  const began = Date.now();
  const change = blob.present.change(true);
  upload.finishing = began + gcDelayMs;
  upload.sent = size;
  const answer = await attempt(() => client.finish(upload.location, content.digest, rest), change);
  mustAnswer(`PUT of ${upload.location} from ${upload.acknowledged} of ${size}`, answer, 201);
  for (const known of pushing.uploads) if (known.upload === upload) pushing.uploads.delete(known);
  return acknowledge(blob, change, began + gcDelayMs);
}

/** False where the source no longer had it; the server then opens an upload, which is left behind. */
async function mount(
  { client, gcDelayMs }: Pushing,
  repository: KnownRepository,
  blob: KnownBlob,
  source: KnownRepository,
): Promise<boolean> {
  const there = source.blobs.get(blob.digest);
  const began = Date.now();
  const certain = () => there !== undefined && mustHold(source, there);
  const before = certain();
  const change = blob.present.change(true);
  const query = `?mount=${blob.digest}&from=${encodeURIComponent(source.name)}`;
  const answer = await attempt(() => client.startUpload(repository.name, query), change);
  if (answer.status === 202 && !(before && certain())) {
    change.refused();
    return false;
  }
  mustAnswer(`mount of ${blob.digest} from ${source.name}`, answer, 201);
  acknowledge(blob, change, began + gcDelayMs);
  return true;
}
