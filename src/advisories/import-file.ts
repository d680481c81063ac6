import { readHead, recordsOfLayer } from './bundle.ts';
import { bounds } from './bounds.ts';
import { epssBytes, epssFeed, readEpss, type Score, storeEpss } from './epss.ts';
import { readAlpineSecdb, secdbBytes } from './formats/alpine-secdb.ts';
import type { ByteSource } from './formats/byte-source.ts';
import { readDebianTracker } from './formats/debian-tracker.ts';
import { ecosystemOf, readOsvZip } from './formats/osv-records.ts';
import { spool } from './formats/spool.ts';
import { chunksOf, linesOf, unpacked, wholeOf } from './formats/streams.ts';
import { fileOfTar } from './formats/tar.ts';
import { readTrivyDb } from './formats/trivy-db.ts';
import type { ImportContext } from './import-context.ts';
import { createRefusals, importRefused } from './import-error.ts';
import { broughtMs, importFeed } from './import-feed.ts';
import type { Item } from './import-records.ts';
import { kevBytes, kevFeed, storeKev } from './kev.ts';
import { type FeedOutcome, recordFeed } from './record-feed.ts';

export interface FileOptions {
  /** Where it comes from, for people. */
  origin: string;
  /** Of an export of OSV; else it is what all its records speak of. */
  ecosystem?: string | undefined;
  /** When a layer of a bundle was up to date (ms); default: now. */
  at?: number | undefined;
  /** Of the layer of an artifact that it is: the feed remembers it, for as long as nothing else is stored of it. */
  digest?: string | undefined;
  /** Of a trivy-db, which holds very many: those that are wanted. */
  wants(ecosystem: string, release: string): boolean;
}

type Form = 'zip' | 'bolt' | 'gzip' | 'zstd' | 'json';

/**
 * Imports a file of advisories, whatever it is of what can be read: an export of OSV (zip), trivy-db (as it is, or as its artifact
 * has it), a layer of a bundle, Debian's tracker, a secdb of Alpine, KEV, EPSS. It is known by its content, not by its name.
 */
export async function importFile(
  context: ImportContext,
  source: ByteSource,
  options: FileOptions,
): Promise<FeedOutcome[]> {
  switch (await formOf(source)) {
    case 'zip':
      return [await importOsvZip(context, source, options)];
    case 'bolt':
      return importTrivyDb(context, source, options);
    case 'zstd':
      return [await importLayer(context, source, options)];
    case 'gzip':
      return importPacked(context, source, options);
    case 'json':
      return [await importJson(context, source, options)];
  }
}

async function formOf(source: ByteSource): Promise<Form> {
  const head = Buffer.from(await source.read(0, Math.min(source.size, 32)));
  if (head.length >= 4) {
    if (head.readUInt32LE(0) === 0x0403_4b50) return 'zip';
    if (head.readUInt16BE(0) === 0x1f8b) return 'gzip';
    if (head.readUInt32LE(0) === 0xfd2f_b528) return 'zstd';
    if (head.length >= 20 && head.readUInt32LE(16) === 0xed0c_daed) return 'bolt';
    if (/^(?:\uFEFF)?\s*\{/.test(head.toString())) return 'json';
  }
  throw importRefused(
    'the file is none of what can be imported: an export of OSV (zip), trivy-db, a bundle, the tracker of Debian, a secdb of Alpine, KEV or EPSS',
  );
}

async function importOsvZip(context: ImportContext, source: ByteSource, options: FileOptions): Promise<FeedOutcome> {
  const { origin, digest } = options;
  const ecosystem = options.ecosystem ?? (await ecosystemOf(readOsvZip(source)));
  if (ecosystem === undefined) {
    throw importRefused(
      'it is not clear of which ecosystem the export is; say so with --ecosystem, such as --ecosystem Debian',
    );
  }
  return importFeed(context, { id: `osv/${ecosystem}`, origin, ecosystem, items: () => readOsvZip(source), digest });
}

export async function importTrivyDb(
  context: ImportContext,
  source: ByteSource,
  { origin, wants, digest }: FileOptions,
): Promise<FeedOutcome[]> {
  const outcomes: FeedOutcome[] = [];
  const refusals = createRefusals();
  let count = 0;
  for await (const { bucket, ecosystem, release, name, items } of readTrivyDb(source)) {
    if (!wants(ecosystem, release)) continue;
    const id = `trivy-db/${bucket}`;
    // Buckets may be empty, which is no fault of the database.
    for await (const _ of items()) {
      count++;
      try {
        outcomes.push(await importFeed(context, { id, origin: `${origin} (${name})`, ecosystem, items, digest }));
      } catch (error) {
        refusals.add(id.slice(0, 200), error);
        await context.rest();
      }
      break;
    }
  }
  refusals.tell(count);
  if (outcomes.length > 0) return outcomes;
  throw importRefused('the trivy-db holds nothing of the ecosystems of the images here; name others with --ecosystem');
}

/** A layer of a bundle. */
async function importLayer(
  context: ImportContext,
  source: ByteSource,
  { at, digest }: FileOptions,
): Promise<FeedOutcome> {
  const lines = () => linesOf(unpacked(chunksOf(source), 'zstd', context.maxBytes), bounds.recordBytes);
  let first: string | undefined;
  for await (const line of lines()) {
    first = line;
    break;
  }
  const { feed, origin } = readHead(first);
  const items = () => recordsOfLayer(lines(), feed);
  if (feed === 'kev')
    return importKev(context, Buffer.from(JSON.stringify({ vulnerabilities: await jsonOf(items()) })), {
      origin,
      at,
      digest,
    });
  if (feed === 'epss') return importEpss(context, scoresOf(items()), { origin, at, digest });
  const ecosystem = /^osv\/(.+)$/.exec(feed)?.[1];
  return importFeed(context, { id: feed, origin, ecosystem, items, at, digest });
}

async function jsonOf(items: AsyncIterable<Item>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of items) if ('json' in item && found.length < 100_000) found.push(item.json);
  return found;
}

async function* scoresOf(items: AsyncIterable<Item>): AsyncGenerator<Score> {
  for await (const item of items) {
    const [cve, probability, percentile] = 'json' in item && Array.isArray(item.json) ? (item.json as unknown[]) : [];
    const isScore =
      typeof cve === 'string' && /^CVE-[0-9]{4}-[0-9]{4,12}$/.test(cve) && isShare(probability) && isShare(percentile);
    if (isScore) yield { cve, probability, percentile };
  }
}

const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;

/** What a gzip holds: scores of EPSS, or the archive in which trivy-db is published. */
async function importPacked(context: ImportContext, source: ByteSource, options: FileOptions): Promise<FeedOutcome[]> {
  for await (const chunk of unpacked(chunksOf(source), 'gzip', context.maxBytes)) {
    const head = Buffer.from(chunk.subarray(0, 16)).toString('latin1');
    if (head.startsWith('#model_version') || head.startsWith('cve,epss') || head.startsWith('CVE-')) {
      const scores = readEpss(unpacked(chunksOf(source), 'gzip', epssBytes.unpacked));
      const { origin, digest } = options;
      return [await importEpss(context, scores, { origin, digest })];
    }
    break;
  }
  const archive = unpacked(chunksOf(source), 'gzip', context.maxBytes);
  await using database = await spool(fileOfTar(archive, 'trivy.db'), context.maxBytes);
  return await importTrivyDb(context, database, options);
}

const sniffedBytes = 4096;

async function importJson(
  context: ImportContext,
  source: ByteSource,
  { origin, digest }: FileOptions,
): Promise<FeedOutcome> {
  const head = Buffer.from(await source.read(0, Math.min(source.size, sniffedBytes))).toString('latin1');
  if (/"(?:catalogVersion|cveID)"/.test(head))
    return importKev(context, await wholeOf(chunksOf(source), kevBytes), { origin, digest });
  if (!/"CVE-[0-9]{4}-|"TEMP-/.test(head.slice(0, 1024)) || /"(?:distroversion|urlprefix|apkurl)"/.test(head)) {
    return importSecdb(context, await wholeOf(chunksOf(source), secdbBytes), { origin, digest });
  }
  return importDebianTracker(context, source, { origin, digest });
}

function importDebianTracker(
  context: ImportContext,
  source: ByteSource,
  { origin, digest }: Brought,
): Promise<FeedOutcome> {
  return importFeed(context, {
    id: 'debian-tracker',
    origin,
    digest,
    ecosystem: 'Debian',
    items: () => readDebianTracker(chunksOf(source)),
  });
}

function importSecdb(context: ImportContext, bytes: Uint8Array, { origin, digest }: Brought): Promise<FeedOutcome> {
  const { release, repository, items } = readAlpineSecdb(bytes);
  const id = `alpine-secdb/${release}/${repository}`;
  return importFeed(context, { id, origin, ecosystem: 'Alpine', items: () => each(items), digest });
}

type Brought = Pick<FileOptions, 'origin' | 'at' | 'digest'>;

function importKev(
  context: ImportContext,
  bytes: Uint8Array,
  { origin, at, digest = '' }: Brought,
): Promise<FeedOutcome> {
  return recordFeed(context, { ...kevFeed, origin, at, everyMs: broughtMs }, async () => ({
    ...(await storeKev(context, bytes)),
    etag: digest,
  }));
}

function importEpss(
  context: ImportContext,
  scores: AsyncIterable<Score>,
  { origin, at, digest = '' }: Brought,
): Promise<FeedOutcome> {
  return recordFeed(context, { ...epssFeed, origin, at, everyMs: broughtMs }, async () => {
    const outcome = await storeEpss(context.db, epssFeed.id, scores, context.rest);
    return { outcome, etag: digest, whole: 'imported' };
  });
}

export async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
