import type { Database } from '../database/index.ts';
import { bounds } from './bounds.ts';
import { type Change, changeAdvisories, recordIdsAfter } from './change-advisories.ts';
import { beginRun, findFeed } from './feed-rows.ts';
import { importRefused } from './import-error.ts';
import { readRecord } from './read-record.ts';

/**
 * What an export consists of: JSON of a record, the id of one that is gone, or why one cannot be read. `id`: what it is of, as far
 * as its name says so.
 */
export type Item = { json: unknown; id?: string } | { gone: string } | { refused: string; id?: string };

export interface ImportOptions {
  /** The feed whose records they are; its row is there. */
  part: string;
  /** Of what records affect, this ecosystem alone. */
  ecosystem?: string | undefined;
  /** They are all that there is: what is stored beside them goes. */
  whole: boolean;
  /** It may be much less than there was. */
  mayShrink?: boolean | undefined;
  /** Awaited between two transactions, so that others get their turn; throws where the work is to end. */
  rest(): Promise<void>;
  /** Told of records that were looked at. */
  progress?(records: number): void;
}

export interface Imported {
  /** Under which it was written. */
  run: number;
  /** That were looked at, those that were left out among them. */
  records: number;
  refused: number;
  /** Why the first ones were left out. */
  reasons: string[];
  added: number;
  changed: number;
  removed: number;
  components: number;
}

/** Of one transaction: fewer where many components bear the names, so that nobody waits for long (ms). */
const mostRecords = 100;
const fewestRecords = 5;
const longMs = 50;
const batchEntries = 1000;
/** Reasons that are told. */
const mostReasons = 5;
/** So much of what was known may go with a whole export; beyond that something is wrong with it. Small ones may be anything. */
const mostGone = 0.5;
const fewRecords = 100;

/**
 * Stores the records of a feed, a few at a time, each once. What breaks off in the middle leaves complete records of both
 * versions, and of a whole export nothing gone: the next attempt does the rest. What cannot be read stays as it was known. Throws
 * AdvisoryImportError where a whole export is not believed, before anything has gone.
 */
export async function importRecords(
  db: Database,
  items: AsyncIterable<Item>,
  options: ImportOptions,
): Promise<Imported> {
  const { part, ecosystem, whole, rest } = options;
  const run = await beginRun(db, part, { whole });
  const done: Imported = { run, records: 0, refused: 0, reasons: [], added: 0, changed: 0, removed: 0, components: 0 };
  const seen = new Set<number>();
  /** Records that could not be read: they stay. */
  const unread = new Set<number>();
  let nameless = 0;
  let batch: Change[] = [];
  let batchRecords: number = mostRecords;
  let entries = 0;

  const refuse = ({ reason, recordId }: Refused) => {
    done.refused++;
    if (done.reasons.length < mostReasons) done.reasons.push(reason);
    if (recordId === undefined) nameless++;
    else unread.add(hashOf(recordId));
  };
  const write = async () => {
    if (batch.length === 0) return;
    const changed = await changeAdvisories(db, { part, run }, batch);
    add(done, changed);
    if (changed.ms > longMs) batchRecords = Math.max(fewestRecords, Math.floor(batchRecords / 2));
    else if (changed.ms < longMs / 4) batchRecords = Math.min(mostRecords, batchRecords * 2);
    batch = [];
    entries = 0;
    options.progress?.(done.records);
    await rest();
  };

  for await (const item of items) {
    if (++done.records > bounds.records)
      throw importRefused(`there are more than ${bounds.records} records, which is more than one feed may have`);
    const change = changeOf(item, ecosystem);
    if ('reason' in change) {
      refuse(change);
      continue;
    }
    if (change.advisory) seen.add(hashOf(change.recordId));
    // It goes with all that is not there any more, once the whole is believed.
    else if (whole) continue;
    batch.push(change);
    entries += change.advisory?.affected.length ?? 0;
    if (batch.length >= batchRecords || entries >= batchEntries) await write();
  }
  await write();
  if (!whole) return done;
  await requireBelievable(db, options, done, seen.size);
  // Each could be one of those that seem to have gone.
  if (nameless > 0 && !options.mayShrink) return done;
  await removeUnseen(db, options, seen.union(unread), done);
  return done;
}

type Refused = { reason: string; recordId: string | undefined };

/** What an item brings; the reason where it is left out. */
function changeOf(item: Item, ecosystem: string | undefined): Change | Refused {
  if ('refused' in item) return { reason: item.refused, recordId: item.id };
  if ('gone' in item) return { recordId: item.gone, advisory: undefined };
  const read = readRecord(item.json, ecosystem);
  if (read.kind === 'refused') return { reason: read.reason, recordId: read.recordId ?? item.id };
  return read.kind === 'gone'
    ? { recordId: read.recordId, advisory: undefined }
    : { recordId: read.advisory.recordId, advisory: read.advisory };
}

async function requireBelievable(db: Database, options: ImportOptions, done: Imported, seen: number): Promise<void> {
  if (seen === 0) {
    const why = done.reasons[0];
    throw importRefused(`it holds no advisory${why === undefined ? '' : ` that can be read: ${why}`}`);
  }
  const stored = (await findFeed(db, options.part))?.records ?? 0;
  const before = stored - done.added;
  const gone = stored - seen;
  if (options.mayShrink || before < fewRecords || gone <= before * mostGone) return;
  throw importRefused(
    `it holds ${Math.max(0, seen - done.added)} of the ${before} advisories that are known, so nothing was removed; if that is right, sync it again with --force`,
  );
}

async function removeUnseen(
  db: Database,
  { part, rest }: ImportOptions,
  kept: ReadonlySet<number>,
  done: Imported,
): Promise<void> {
  for (let after = ''; ;) {
    const ids = await recordIdsAfter(db, part, after, 1000);
    if (ids.length === 0) return;
    const gone = ids.filter((id) => !kept.has(hashOf(id))).map((recordId) => ({ recordId, advisory: undefined }));
    for (let at = 0; at < gone.length; at += mostRecords) {
      add(done, await changeAdvisories(db, { part, run: done.run }, gone.slice(at, at + mostRecords)));
      await rest();
    }
    after = ids.at(-1)!;
  }
}

function add(done: Imported, more: Pick<Imported, 'added' | 'changed' | 'removed' | 'components'>): void {
  done.added += more.added;
  done.changed += more.changed;
  done.removed += more.removed;
  done.components += more.components;
}

/** 53 bits of an id: a million of them take little memory. Two that collide keep one record too many. */
function hashOf(id: string): number {
  return Number(Bun.hash.wyhash(id) & 0x1f_ffff_ffff_ffffn);
}
