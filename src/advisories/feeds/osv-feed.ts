import { bounds } from '../bounds.ts';
import type { FeedState } from '../feed-rows.ts';
import { itemOf, readOsvZip } from '../formats/osv-records.ts';
import { linesOf } from '../formats/streams.ts';
import type { ImportContext } from '../import-context.ts';
import { AdvisoryImportError, importRefused } from '../import-error.ts';
import { OutboundError } from '../../outbound/index.ts';
import { importWhole } from '../import-feed.ts';
import { add, type ImportOptions, importRecords, type Item } from '../import-records.ts';
import { objectOf } from '../read-record.ts';
import type { FeedUpdate } from '../record-feed.ts';
import { type Fetcher, fetchFile, fetchWhole, openText } from './fetch.ts';

/** More records than that have changed: the whole export is less work for both sides. */
const mostIncrements = 2000;
/** So often the whole export is fetched all the same: what was taken out of it is named by no increment (ms). */
const wholeMs = 7 * 86_400_000;
/** Records that are fetched at once. */
const atOnce = 8;
/** Times of records are not in the order in which they are published (ms). */
const overlapMs = 10 * 60_000;
const longestLine = 512;
/** A list that ends so much earlier than it did is of a mirror that was set back (ms). */
const setBackMs = 86_400_000;

/**
 * One ecosystem of OSV (google.github.io/osv.dev/data): `all.zip` whole, then what `modified_id.csv`, whose latest lines are
 * its first, says has changed. A mirror may have them of different times: what the list names and the export lacks comes as an
 * increment right behind it, and what there is no record of, with a later export.
 */
export async function refreshOsv(
  context: ImportContext,
  fetcher: Fetcher,
  { base, ecosystem, state }: { base: string; ecosystem: string; state: FeedState | undefined },
): Promise<FeedUpdate> {
  const root = `${base}/${encodeURIComponent(ecosystem)}`;
  const now = context.now();
  const position = state?.position && !context.force ? Date.parse(state.position) : Number.NaN;
  // A time to come, by a clock that was wrong or a record's mistake, would hide what changes until then.
  const since = position > now ? Number.NaN : position;
  // Also in the other direction: a clock may have been wrong.
  const isRecent = state?.wholeAt !== undefined && Math.abs(now - state.wholeAt) < wholeMs;
  const changes = await changesSince(fetcher, `${root}/modified_id.csv`, since, now);
  if (Date.parse(changes.latest ?? '') < since - setBackMs)
    throw importRefused(
      `${root}/modified_id.csv ends at ${changes.latest}, and ${state!.position} is known: it is older than it was; if that is right, sync it again with --force`,
    );
  const records = (ids: readonly Change[], from: Pick<ImportOptions, 'run' | 'after'>) =>
    importRecords(context.db, () => fetchRecords(fetcher, root, ids), {
      ...from,
      part: `osv/${ecosystem}`,
      ecosystem,
      whole: false,
      rest: context.rest,
      progress: (count) => context.progress?.(`osv/${ecosystem}`, count),
    });
  const increments = async (ids: readonly Change[]): Promise<FeedUpdate> => {
    if (ids.length === 0) return { outcome: { unchanged: true }, position: changes.latest };
    return { outcome: await records(ids, { after: state?.run }), position: changes.latest };
  };
  let missing: unknown;
  if (changes.ids && isRecent) {
    try {
      return await increments(changes.ids);
    } catch (error) {
      if (!(error instanceof MissingRecordError)) throw error;
      missing = error;
    }
  }
  // From where increments go on, only the export itself says.
  const isLost = Number.isNaN(since) && changes.latest !== undefined;
  const etag = context.force || isLost || !state?.wholeAt ? undefined : state.etag;
  const fetched = await fetchFile(fetcher, `${root}/all.zip`, { maxBytes: context.maxBytes, etag });
  if (fetched.kind === 'missing') throw importRefused(`there is no export of ${ecosystem} at ${root}/all.zip`);
  if (fetched.kind === 'unchanged') {
    if (missing) throw missing;
    if (changes.ids) return { ...(await increments(changes.ids)), whole: 'confirmed' };
    if (Date.parse(changes.latest ?? '') > since)
      throw importRefused(`much has changed by ${root}/modified_id.csv, and ${root}/all.zip is the one of before`);
    return { outcome: { unchanged: true }, whole: 'confirmed' };
  }
  await using file = fetched.file;
  let newest = Number.NaN;
  const items = () => noting(readOsvZip(file), (at) => (newest = at <= now && !(at <= newest) ? at : newest));
  const outcome = await importWhole(context, { id: `osv/${ecosystem}`, ecosystem, items });
  let reached = earlierOf(changes.latest, newest);
  if (Date.parse(changes.latest ?? '') > newest) {
    // Of what it lacks, some may have been known: it comes back before the next time.
    try {
      const later = await changesSince(fetcher, `${root}/modified_id.csv`, newest, now);
      if (later.ids) {
        add(outcome, await records(later.ids, { run: outcome.run }));
        reached = later.latest ?? reached;
      }
    } catch (error) {
      fetcher.signal.throwIfAborted();
      // The export has come all the same; the next time it is increments, which say why.
      if (!(error instanceof AdvisoryImportError || error instanceof OutboundError)) throw error;
    }
  }
  return { outcome, etag: fetched.etag, position: reached, whole: 'imported' };
}

/** A record that has changed; `isOld`: by the list not since, but so shortly before that it may have come later. */
interface Change {
  id: string;
  isOld: boolean;
}

/** The list names a record as changed that is not there. What is known of it stays. */
class MissingRecordError extends AdvisoryImportError {}

/** Up to where increments have come: no further than what was read, whatever the list says. Empty where that is not known. */
function earlierOf(latest: string | undefined, most: number): string {
  const at = Date.parse(latest ?? '');
  if (Number.isNaN(at) || Number.isNaN(most)) return '';
  return at <= most ? latest! : new Date(most).toISOString();
}

/** Tells when each record was changed (ms). */
async function* noting(items: AsyncIterable<Item>, changed: (at: number) => void): AsyncGenerator<Item> {
  for await (const item of items) {
    const modified = 'json' in item ? objectOf(item.json)?.['modified'] : undefined;
    const at = typeof modified === 'string' ? Date.parse(modified) : Number.NaN;
    if (!Number.isNaN(at)) changed(at);
    yield item;
  }
}

/**
 * What has changed since a time, the latest first: undefined where nobody asks, or it is too much, or it goes on behind where
 * the list ends. `latest`: of the times that are not to come. A mirror need not have the list.
 */
async function changesSince(
  fetcher: Fetcher,
  url: string,
  since: number,
  now: number,
): Promise<{ latest: string | undefined; ids: Change[] | undefined }> {
  const text = await openText(fetcher, url);
  let latest: string | undefined;
  const ids = new Map<string, Change>();
  if (!text) return { latest, ids: undefined };
  for await (const line of linesOf(text, longestLine)) {
    const [, time = '', id = ''] = /^([0-9T:.Z+-]{10,40}),(?:.*\/)?([^/,\s]+)\s*$/.exec(line) ?? [];
    const at = Date.parse(time);
    if (id === '' || Number.isNaN(at)) continue;
    if (at <= now) latest ??= time;
    if (Number.isNaN(since)) {
      if (latest === undefined) continue;
      break;
    }
    if (at < since - overlapMs) return { latest, ids: [...ids.values()] };
    if (at <= since && ids.size === 0 && time === latest) return { latest, ids: [] };
    // The latest time of one is its first.
    if (!ids.has(id)) ids.set(id, { id, isOld: at <= since });
    if (ids.size > mostIncrements) return { latest, ids: undefined };
  }
  return { latest, ids: undefined };
}

/**
 * The records of some ids, in their order, some fetched ahead. Throws MissingRecordError where there is none; one that was there
 * before is asked for in case that it has changed since.
 */
async function* fetchRecords(fetcher: Fetcher, root: string, changes: readonly Change[]): AsyncGenerator<Item> {
  const fetchOne = async ({ id, isOld }: Change): Promise<Item[]> => {
    const bytes = await fetchWhole(fetcher, `${root}/${encodeURIComponent(id)}.json`, bounds.recordBytes);
    if (bytes) return [itemOf(bytes, id)];
    if (isOld) return [];
    throw new MissingRecordError(
      `${root}/modified_id.csv names ${id} as changed, and there is no ${root}/${encodeURIComponent(id)}.json`,
    );
  };
  for (let at = 0; at < changes.length; at += atOnce)
    yield* (await Promise.all(changes.slice(at, at + atOnce).map(fetchOne))).flat();
}
