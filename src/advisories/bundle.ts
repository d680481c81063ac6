import { type Database, listsOf } from '../database/index.ts';
import { bounds } from './bounds.ts';
import { importRefused } from './import-error.ts';
import { sourceOfRecord } from './licences.ts';
import type { Item } from './import-records.ts';
import type { OsvAffected, OsvRecord } from './osv.ts';
import { unpack, unpackEntry } from './pack.ts';
import { listFeeds, type FeedState } from './feed-rows.ts';
import { objectOf } from './read-record.ts';
import './tables.ts';

/*
 * A bundle carries what one server knows to another: an OCI artifact with a layer for each feed.
 *
 *   layer   zstd of lines of JSON: a head, records in the order of their ids, and how many they were
 *           {"feed":"osv/Go","origin":"https://…"}
 *           {"id":"GO-2021-0113", …}
 *           {"records":1}
 *
 * The same knowledge gives the same bytes, so that what has not changed is not sent again: how fresh it is stands in the
 * annotations of the manifest.
 */

export const bundleArtifactType = 'application/vnd.bonded.advisories.v1';
export const bundleLayerType = 'application/vnd.bonded.advisories.v1.ndjson+zstd';

/** Annotations of layers. */
export const layerKeys = {
  feed: 'vnd.bonded.advisories.feed',
  /** When its feed was last up to date (RFC 3339). */
  at: 'vnd.bonded.advisories.at',
  records: 'vnd.bonded.advisories.records',
  source: 'vnd.bonded.advisories.source',
  /** Of a file that somebody pushed. */
  ecosystem: 'vnd.bonded.advisories.ecosystem',
} as const;

/** The first line of a layer. */
export interface LayerHead {
  feed: string;
  origin: string;
}

const pageSize = 200;

export const feedName = /^[A-Za-z0-9][A-Za-z0-9 ._:+/-]{0,199}$/;

/** They say how it went with an artifact, and have no records of their own. */
export const artifactFeeds: ReadonlySet<string> = new Set(['trivy-db', 'bundle']);

/** Reads the first line. Throws AdvisoryImportError where it is no layer of a bundle. */
export function readHead(line: string | undefined): LayerHead {
  let head: Record<string, unknown> | undefined;
  try {
    head = objectOf(JSON.parse(line ?? ''));
  } catch {
    // Said below.
  }
  const { feed, origin } = head ?? {};
  const isHead =
    typeof feed === 'string' && feedName.test(feed) && !artifactFeeds.has(feed) && typeof origin === 'string';
  if (!isHead)
    throw importRefused('the layer is none of a bundle of advisories: its first line does not say which feed it is');
  return { feed, origin: origin.slice(0, bounds.url) };
}

/** The records that follow the first line. A layer without its last line is cut off, which AdvisoryImportError says at the end. */
export async function* recordsOfLayer(lines: AsyncIterable<string>, feed: string): AsyncGenerator<Item> {
  let count = 0;
  let counted: unknown;
  let isHead = true;
  for await (const line of lines) {
    if (isHead) {
      isHead = false;
      continue;
    }
    if (line === '') continue;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      const id = /^\{"id":"([^"\\]{1,256})"/.exec(line)?.[1];
      yield { refused: `line ${count + 2} of ${feed} is no JSON`, ...(id !== undefined && { id }) };
    }
    counted = lastLine.test(line) ? objectOf(json)?.['records'] : undefined;
    if (counted !== undefined) continue;
    count++;
    if (json !== undefined) yield { json };
  }
  if (counted !== count) throw importRefused(`the layer of ${feed} is cut off`);
}

const lastLine = /^\{"records":[0-9]+\}$/;

/** The feeds that a bundle has, in order: those of which anything is known. */
export async function bundledFeeds(db: Database): Promise<FeedState[]> {
  const feeds = await listFeeds(db);
  return feeds.filter(({ records }) => records > 0);
}

/** The lines of a layer. `licensed` is told of the licence of each record, where it is known. */
export async function* linesOfLayer(
  db: Database,
  feed: FeedState,
  licensed: (licence: string) => void = () => {},
): AsyncGenerator<string> {
  if (feed.licence !== '') licensed(feed.licence);
  const head: LayerHead = { feed: feed.id, origin: feed.origin };
  yield JSON.stringify(head);
  let records = 0;
  for await (const line of recordLines(db, feed, licensed)) {
    records++;
    yield line;
  }
  yield JSON.stringify({ records });
}

async function* recordLines(
  db: Database,
  feed: FeedState,
  licensed: (licence: string) => void,
): AsyncGenerator<string> {
  if (feed.id === 'kev') return yield* kevLines(db);
  if (feed.id === 'epss') return yield* epssLines(db);
  for (let after = ''; ;) {
    const rows = await db.all<{ id: number; record_id: string; record: Uint8Array }>(
      'SELECT id, record_id, record FROM advisories WHERE part = ? AND record_id > ? ORDER BY part, record_id LIMIT ?',
      [feed.id, after, pageSize],
    );
    if (rows.length === 0) return;
    const affected = await affectedOf(
      db,
      rows.map(({ id }) => id),
    );
    for (const { id, record_id, record } of rows) {
      const { licence } = sourceOfRecord(record_id, feed.id);
      if (licence !== undefined) licensed(licence);
      yield JSON.stringify({ ...unpack<OsvRecord>(record), affected: affected.get(id) ?? [] });
    }
    after = rows.at(-1)!.record_id;
  }
}

async function affectedOf(db: Database, ids: readonly number[]): Promise<Map<number, OsvAffected[]>> {
  const found = new Map<number, OsvAffected[]>();
  for (const { list, values } of listsOf(ids)) {
    const rows = await db.all<{ advisory_id: number; entry: Uint8Array; said: string }>(
      `SELECT advisory_id, entry, said FROM affected_packages WHERE advisory_id IN (${list}) ORDER BY advisory_id, position`,
      values,
    );
    for (const row of rows) {
      const of = found.get(row.advisory_id);
      if (of) of.push(unpackEntry(row));
      else found.set(row.advisory_id, [unpackEntry(row)]);
    }
  }
  return found;
}

async function* kevLines(db: Database): AsyncGenerator<string> {
  const rows = await db.all<{ cve: string; date_added: string; ransomware: number }>(
    'SELECT cve, date_added, ransomware FROM known_exploited ORDER BY cve LIMIT 100000',
    [],
  );
  for (const { cve, date_added: dateAdded, ransomware } of rows)
    yield JSON.stringify({ cveID: cve, dateAdded, knownRansomwareCampaignUse: ransomware === 1 ? 'Known' : 'Unknown' });
}

async function* epssLines(db: Database): AsyncGenerator<string> {
  for (let after = ''; ;) {
    const rows = await db.all<{ cve: string; probability: number; percentile: number }>(
      'SELECT cve, probability, percentile FROM exploit_predictions WHERE cve > ? ORDER BY cve LIMIT 2000',
      [after],
    );
    if (rows.length === 0) return;
    for (const { cve, probability, percentile } of rows)
      yield JSON.stringify([cve, probability / 100_000, percentile / 100_000]);
    after = rows.at(-1)!.cve;
  }
}
