import type { Database } from '../database/index.ts';
import { bounds } from './bounds.ts';
import { type Change, changeAdvisories, recordIdsAfter } from './change-advisories.ts';
import { beginRun } from './feed-rows.ts';
import { importRefused } from './import-error.ts';
import { readRecord } from './read-record.ts';

/** What an export consists of: JSON of a record, or why one cannot be read. `id`: of which it is, as far as its name says so. */
export type Item = { json: unknown; id?: string } | { refused: string; id?: string };

export interface ImportOptions {
  /** The feed whose records they are; its row is there. */
  part: string;
  /** Of what records affect, this ecosystem alone. */
  ecosystem?: string | undefined;
  /** The run that they go on from; default: whatever is stored. */
  after?: number | undefined;
  /** Under which they are written, as what came just before them; default: one of its own. */
  run?: number | undefined;
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
 * Stores the records of a feed, a few at a time, each once. A whole export is read to its end before anything is written: what is
 * cut off, damaged or not believed changes nothing, which AdvisoryImportError says. What breaks off later leaves complete records of
 * both versions, and nothing gone: the next attempt does the rest. What cannot be read stays as it was known.
 */
export async function importRecords(
  db: Database,
  items: () => AsyncIterable<Item>,
  options: ImportOptions,
): Promise<Imported> {
  const { part, ecosystem, whole, rest } = options;
  const kept = whole ? await keptBy(db, items(), options) : undefined;
  const run = options.run ?? (await beginRun(db, part, { whole, after: options.after }));
  const done: Imported = { run, records: 0, refused: 0, reasons: [], added: 0, changed: 0, removed: 0, components: 0 };
  let batch: Change[] = [];
  let batchRecords: number = mostRecords;
  let entries = 0;

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

  for await (const item of items()) {
    done.records++;
    const change = changeOf(item, ecosystem);
    if ('reason' in change) {
      done.refused++;
      if (done.reasons.length < mostReasons) done.reasons.push(change.reason);
      continue;
    }
    // Of a whole export it goes with all that is not there any more.
    if (whole && !change.advisory) continue;
    batch.push(change);
    entries += change.advisory?.affected.length ?? 0;
    if (batch.length >= batchRecords || entries >= batchEntries) await write();
  }
  await write();
  if (kept) await removeOthers(db, options, kept, done);
  return done;
}

/**
 * The records that stay when a whole export is taken over, as hashes of their ids: those that it holds, and those that it has in a
 * form that cannot be read. Throws AdvisoryImportError where it holds none, or too many of those that are known would go.
 */
async function keptBy(
  db: Database,
  items: AsyncIterable<Item>,
  { part, ecosystem, mayShrink, rest }: ImportOptions,
): Promise<{ has(hash: number): boolean }> {
  const kept = new Set<number>();
  let records = 0;
  let readable = 0;
  let nameless = false;
  let why: string | undefined;
  for await (const item of items) {
    if (++records > bounds.records)
      throw importRefused(`there are more than ${bounds.records} records, which is more than one feed may have`);
    const change = changeOf(item, ecosystem);
    if ('reason' in change) {
      why ??= change.reason;
      nameless ||= change.recordId === undefined;
    } else if (change.advisory) readable++;
    else continue;
    if (change.recordId !== undefined) kept.add(hashOf(change.recordId));
    if (records % mostRecords === 0) await rest();
  }
  if (readable === 0)
    throw importRefused(`it holds no advisory${why === undefined ? '' : ` that can be read: ${why}`}`);
  if (mayShrink) return kept;
  // Any of those that seem to have gone may be one that does not say what it is.
  if (nameless) return { has: () => true };
  let known = 0;
  let gone = 0;
  for await (const ids of storedIds(db, part)) {
    known += ids.length;
    for (const id of ids) if (!kept.has(hashOf(id))) gone++;
    await rest();
  }
  if (known < fewRecords || gone <= known * mostGone) return kept;
  throw importRefused(
    `it holds ${known - gone} of the ${known} advisories that are known, so nothing was changed; if that is right, sync it again with --force`,
  );
}

type Refused = { reason: string; recordId: string | undefined };

/** What an item brings; the reason where it is left out. */
function changeOf(item: Item, ecosystem: string | undefined): Change | Refused {
  if ('refused' in item) return { reason: item.refused, recordId: item.id };
  const read = readRecord(item.json, ecosystem);
  if (read.kind === 'refused') return { reason: read.reason, recordId: read.recordId ?? item.id };
  return read.kind === 'gone'
    ? { recordId: read.recordId, advisory: undefined }
    : { recordId: read.advisory.recordId, advisory: read.advisory };
}

async function removeOthers(
  db: Database,
  { part, rest }: ImportOptions,
  kept: { has(hash: number): boolean },
  done: Imported,
): Promise<void> {
  for await (const ids of storedIds(db, part)) {
    const gone = ids.filter((id) => !kept.has(hashOf(id))).map((recordId) => ({ recordId, advisory: undefined }));
    for (let at = 0; at < gone.length; at += mostRecords) {
      add(done, await changeAdvisories(db, { part, run: done.run }, gone.slice(at, at + mostRecords)));
      await rest();
    }
  }
}

/** The ids of all records of a feed, page by page. */
async function* storedIds(db: Database, part: string): AsyncGenerator<string[]> {
  for (let after = ''; ;) {
    const ids = await recordIdsAfter(db, part, after, 1000);
    if (ids.length === 0) return;
    yield ids;
    after = ids.at(-1)!;
  }
}

/** Adds what was changed to what was by then. */
export function add(done: Imported, more: Pick<Imported, 'added' | 'changed' | 'removed' | 'components'>): void {
  done.added += more.added;
  done.changed += more.changed;
  done.removed += more.removed;
  done.components += more.components;
}

/** 53 bits of an id: a million of them take little memory. Two that collide keep one record too many. */
function hashOf(id: string): number {
  return Number(Bun.hash.wyhash(id) & 0x1f_ffff_ffff_ffffn);
}
