import type { ImportContext } from './import-context.ts';
import { importRecords, type Item } from './import-records.ts';
import { type FeedOutcome, recordFeed } from './record-feed.ts';

/** What is imported as one feed. */
export interface FeedImport {
  id: string;
  /** Where it comes from, for people. */
  origin: string;
  ecosystem?: string | undefined;
  /** Read twice: all of it is looked at before any of it is believed. */
  items(): AsyncIterable<Item>;
  /** When what is imported was up to date (ms); default: now. */
  at?: number | undefined;
  /** Of the layer that it comes from. */
  digest?: string | undefined;
}

/** How long a feed that somebody brought is left alone before it is fetched by itself (ms). */
export const broughtMs = 3_600_000;

/** Imports all of a feed from wherever it comes. */
export function importFeed(
  context: ImportContext,
  { id, origin, ecosystem, items, at, digest = '' }: FeedImport,
): Promise<FeedOutcome> {
  return recordFeed(context, { id, origin, at, everyMs: broughtMs }, async () => ({
    outcome: await importWhole(context, { id, ecosystem, items }),
    // Increments go on from what was fetched, not from this.
    etag: digest,
    position: '',
    whole: 'imported',
  }));
}

export function importWhole(
  { db, rest, force, progress }: ImportContext,
  { id, ecosystem, items }: Pick<FeedImport, 'id' | 'ecosystem' | 'items'>,
) {
  return importRecords(db, items, {
    part: id,
    ecosystem,
    whole: true,
    mayShrink: force,
    rest,
    progress: (records) => progress?.(id, records),
  });
}
