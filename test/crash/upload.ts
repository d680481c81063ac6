import type { Answer, Client, Content } from './client.ts';
import { Broken, describeAnswer, Excused, Fault, mustAnswer } from './fault.ts';
import { blobOf, type KnownBlob, type KnownRepository, type KnownUpload, mustHold } from './ledger.ts';
import type { Random } from './random.ts';
import type { Change } from './register.ts';

export interface Pushing {
  client: Client;
  random: Random;
  /** How long the server keeps what nothing references (ms). */
  gcDelayMs: number;
  /** How long it keeps an upload on which nobody works (ms). */
  uploadExpiryMs: number;
  /** Uploads that were begun and not finished, also by earlier lives of the server. */
  uploads: Set<{ repository: KnownRepository; upload: KnownUpload }>;
  /** Whether what the server rests on was away at any time since then (ms): only that excuses a 503. */
  wasAwaySince(began: number): boolean;
}

/** Sends a change and gives its answer; a broken connection, and a 503 that is excused, leave the changes open. */
export async function attempt(
  { wasAwaySince }: Pushing,
  send: () => Promise<Answer>,
  ...changes: Change[]
): Promise<Answer> {
  const began = Date.now();
  let failure: Error;
  try {
    const answer = await send();
    if (answer.status !== 503 || !wasAwaySince(began)) return answer;
    failure = new Excused(describeAnswer(answer));
  } catch (error) {
    failure = new Broken('the connection broke', { cause: error });
  }
  for (const change of changes) change.unknown();
  throw failure;
}

/** The same for bytes that the server reads while it answers. */
export async function attemptRead(pushing: Pushing, send: () => Promise<Answer>): Promise<Answer> {
  const began = Date.now();
  try {
    return await attempt(pushing, send);
  } catch (error) {
    if (error instanceof Broken && pushing.wasAwaySince(began))
      throw new Excused('the answer broke off', { cause: error });
    throw error;
  }
}

function acknowledge(blob: KnownBlob, change: Change, keptUntil: number): KnownBlob {
  change.acknowledged();
  blob.keptUntil = Math.max(blob.keptUntil, keptUntil);
  return blob;
}

/** Of a client in the midst of an upload. */
const mostPauseMs = 60;

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
    // Also before: another pusher may be told that it arrived while this answer, made earlier, is on its way.
    const held = mustHold(repository, blob);
    const answer = await attempt(pushing, () => client.head(repository.name, 'blobs', content.digest));
    if (answer.status === 200) {
      // The server leaves a candidate alone that has nearly its whole time left.
      blob.keptUntil = Math.max(blob.keptUntil, asked + gcDelayMs * 0.85);
      return blob;
    }
    if (held && mustHold(repository, blob)) mustAnswer(`HEAD of ${content.digest} in ${repository.name}`, answer, 200);
    else mustAnswer('HEAD of a blob', answer, 404);
  }
  const mounted = source && (await mount(pushing, repository, blob, source));
  if (mounted) return blob;
  const began = Date.now();
  const way = random.below(4);
  if (way === 0) {
    const change = blob.present.change(true);
    const answer = await attempt(
      pushing,
      () => client.postBlob(repository.name, content.digest, content.bytes),
      change,
    );
    mustAnswer('POST of a blob', answer, 201);
    return acknowledge(blob, change, began + gcDelayMs);
  }
  const start = mustAnswer('POST of an upload', await attempt(pushing, () => client.startUpload(repository.name)), 202);
  const location = start.headers.get('location')!;
  if (way === 1) {
    const change = blob.present.change(true);
    const answer = await attempt(pushing, () => client.finish(location, content.digest, content.bytes), change);
    mustAnswer('PUT of a blob', answer, 201);
    return acknowledge(blob, change, began + gcDelayMs);
  }
  const upload: KnownUpload = { location, content, acknowledged: 0, sent: 0, finishing: undefined, activeAt: began };
  pushing.uploads.add({ repository, upload });
  const size = content.bytes.byteLength;
  if (way === 3 && size > 100) {
    for (let chunks = 1 + random.below(3); chunks > 0; chunks--) {
      const from = upload.acknowledged;
      await sendChunk(pushing, upload, Math.max(2, from + random.below(size - from)));
      if (random.chance(0.2)) await Bun.sleep(random.below(mostPauseMs));
    }
  } else {
    await sendChunk(pushing, upload, size);
  }
  return finishUpload(pushing, repository, upload);
}

/** A chunk from where the server is up to `end`. */
async function sendChunk(pushing: Pushing, upload: KnownUpload, end: number): Promise<void> {
  const { client, random } = pushing;
  const from = upload.acknowledged;
  if (end <= from) return;
  upload.sent = end;
  const { location } = upload;
  const bytes = upload.content.bytes.subarray(from, end);
  const send = random.chance(0.1)
    ? () => client.patchSlowly(location, bytes, random.below(mostPauseMs))
    : () => client.patch(location, bytes, random.chance(0.5) ? from : undefined);
  // Not when it was answered: the server may have noted it long before.
  const began = Date.now();
  const answer = await attempt(pushing, send);
  mustGoOn(pushing, `PATCH of ${upload.location} from ${from}`, upload, answer, 202);
  upload.acknowledged = end;
  upload.activeAt = began;
}

/**
 * Ends an upload, also one that an earlier life of the server began; what is missing goes first, or with the PUT. Goes
 * on where the server says when what it rests on was away.
 */
export async function finishUpload(
  pushing: Pushing,
  repository: KnownRepository,
  upload: KnownUpload,
): Promise<KnownBlob> {
  for (;;) {
    try {
      return await finishOnce(pushing, repository, upload);
    } catch (error) {
      if (!(error instanceof Excused) || ![...pushing.uploads].some((known) => known.upload === upload)) throw error;
      await Bun.sleep(50 + pushing.random.below(100));
      const answer = await attempt(pushing, () => pushing.client.send('GET', upload.location));
      // Ended, or lost: the next inspection finds out.
      if (answer.status === 404) throw error;
      noteOffset(upload, mustAnswer('GET of an upload', answer, 204));
    }
  }
}

async function finishOnce(pushing: Pushing, repository: KnownRepository, upload: KnownUpload): Promise<KnownBlob> {
  const { client, random, gcDelayMs } = pushing;
  const { content } = upload;
  const size = content.bytes.byteLength;
  if (random.chance(0.4)) await sendChunk(pushing, upload, size);
  if (upload.acknowledged === size && random.chance(0.1)) {
    const wrong = `sha256:${'0'.repeat(64)}`;
    const refused = await attempt(pushing, () => client.finish(upload.location, wrong));
    mustGoOn(pushing, 'PUT with a wrong digest', upload, refused, 400);
  }
  const rest = upload.acknowledged < size ? content.bytes.subarray(upload.acknowledged) : undefined;
  const blob = blobOf(repository, content);
  const began = Date.now();
  const change = blob.present.change(true);
  upload.finishing = began + gcDelayMs;
  upload.sent = size;
  const answer = await attempt(pushing, () => client.finish(upload.location, content.digest, rest), change);
  mustGoOn(pushing, `PUT of ${upload.location} from ${upload.acknowledged} of ${size}`, upload, answer, 201, change);
  for (const known of pushing.uploads) if (known.upload === upload) pushing.uploads.delete(known);
  return acknowledge(blob, change, began + gcDelayMs);
}

/** Fails unless the answer has this status, or the upload rested for so long that it is gone, or just being removed. */
function mustGoOn(
  { uploads, uploadExpiryMs }: Pushing,
  what: string,
  upload: KnownUpload,
  answer: Answer,
  status: number,
  ...changes: Change[]
): void {
  const removed = answer.status === 404 || answer.status === 409;
  if (!removed || !hasRested(upload, uploadExpiryMs)) return void mustAnswer(what, answer, status);
  for (const change of changes) change.refused();
  for (const known of uploads) if (known.upload === upload) uploads.delete(known);
  throw new Excused(`${what}: ${describeAnswer(answer)}`);
}

/** Whether an upload rested for so long that the server may remove it. */
export const hasRested = (upload: KnownUpload, expiryMs: number): boolean =>
  Date.now() - upload.activeAt > expiryMs * 0.8;

/** Takes from the answer to a GET of an upload where it is, while nobody writes to it. */
export function noteOffset(upload: KnownUpload, { headers }: Answer): void {
  const range = /^0-(\d+)$/.exec(headers.get('range') ?? '');
  if (!range) throw new Fault(`${upload.location} has no offset`);
  // An upload without bytes says 0-0 too; here none has a single byte.
  const offset = range[1] === '0' ? 0 : Number(range[1]) + 1;
  if (offset < upload.acknowledged || offset > upload.sent) {
    throw new Fault(`${upload.location} is at ${offset}; ${upload.acknowledged} to ${upload.sent} is possible`);
  }
  upload.acknowledged = offset;
  upload.sent = offset;
  upload.finishing = undefined;
}

/** False where the source no longer had it; the server then opens an upload, which is left behind. */
async function mount(
  pushing: Pushing,
  repository: KnownRepository,
  blob: KnownBlob,
  source: KnownRepository,
): Promise<boolean> {
  const { client, gcDelayMs } = pushing;
  const there = source.blobs.get(blob.digest);
  const began = Date.now();
  const certain = () => there !== undefined && mustHold(source, there);
  const before = certain();
  const change = blob.present.change(true);
  const query = `?mount=${blob.digest}&from=${encodeURIComponent(source.name)}`;
  const answer = await attempt(pushing, () => client.startUpload(repository.name, query), change);
  if (answer.status === 202 && !(before && certain())) {
    change.refused();
    return false;
  }
  mustAnswer(`mount of ${blob.digest} from ${source.name}`, answer, 201);
  acknowledge(blob, change, began + gcDelayMs);
  return true;
}
