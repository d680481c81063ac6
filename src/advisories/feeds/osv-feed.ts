import { bounds } from '../bounds.ts';
import type { FeedState } from '../feed-rows.ts';
import { itemOf, readOsvZip } from '../formats/osv-records.ts';
import { linesOf } from '../formats/streams.ts';
import type { ImportContext } from '../import-context.ts';
import { importRefused } from '../import-error.ts';
import { importWhole } from '../import-feed.ts';
import { importRecords, type Item } from '../import-records.ts';
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

/**
 * One ecosystem of OSV (google.github.io/osv.dev/data): `all.zip` whole, then what `modified_id.csv`, whose latest lines are
 * its first, says has changed.
 */
export async function refreshOsv(
  context: ImportContext,
  fetcher: Fetcher,
  { base, ecosystem, state }: { base: string; ecosystem: string; state: FeedState | undefined },
): Promise<FeedUpdate> {
  const root = `${base}/${encodeURIComponent(ecosystem)}`;
  const since = state?.position ? Date.parse(state.position) : Number.NaN;
  const isRecent = state?.wholeAt !== undefined && context.now() - state.wholeAt < wholeMs;
  const changes = await changesSince(
    fetcher,
    `${root}/modified_id.csv`,
    isRecent && !context.force ? since : Number.NaN,
  );
  if (changes.ids) {
    const outcome = await importRecords(context.db, fetchRecords(fetcher, root, changes.ids), {
      part: `osv/${ecosystem}`,
      ecosystem,
      whole: false,
      rest: context.rest,
      progress: (records) => context.progress?.(`osv/${ecosystem}`, records),
    });
    return { outcome: { ...outcome, unchanged: changes.ids.length === 0 }, position: changes.latest };
  }
  const etag = context.force || !state?.wholeAt ? undefined : state.etag;
  const fetched = await fetchFile(fetcher, `${root}/all.zip`, { maxBytes: context.maxBytes, etag });
  if (fetched.kind === 'missing') throw importRefused(`there is no export of ${ecosystem} at ${root}/all.zip`);
  const position = changes.latest ?? '';
  if (fetched.kind === 'unchanged') return { outcome: { unchanged: true }, position, whole: true };
  await using file = fetched.file;
  const outcome = await importWhole(context, { id: `osv/${ecosystem}`, ecosystem, items: readOsvZip(file) });
  return { outcome, etag: fetched.etag, position, whole: true };
}

/**
 * What has changed since a time, the latest first: undefined where nobody asks, or it is too much, or it goes on behind where
 * the list ends. A mirror need not have the list.
 */
async function changesSince(
  fetcher: Fetcher,
  url: string,
  since: number,
): Promise<{ latest: string | undefined; ids: string[] | undefined }> {
  const text = await openText(fetcher, url);
  let latest: string | undefined;
  const ids = new Set<string>();
  if (!text) return { latest, ids: undefined };
  for await (const line of linesOf(text, longestLine)) {
    const [, time = '', id = ''] = /^([0-9T:.Z+-]{10,40}),(?:.*\/)?([^/,\s]+)\s*$/.exec(line) ?? [];
    const at = Date.parse(time);
    if (id === '' || Number.isNaN(at)) continue;
    latest ??= time;
    if (Number.isNaN(since)) break;
    if (at < since - overlapMs) return { latest, ids: [...ids] };
    if (at <= since && ids.size === 0 && time === latest) return { latest, ids: [] };
    ids.add(id);
    if (ids.size > mostIncrements) return { latest, ids: undefined };
  }
  return { latest, ids: undefined };
}

/** The records of some ids, in their order, some fetched ahead. What is gone says so. */
async function* fetchRecords(fetcher: Fetcher, root: string, ids: readonly string[]): AsyncGenerator<Item> {
  const fetchOne = async (id: string): Promise<Item> => {
    const bytes = await fetchWhole(fetcher, `${root}/${encodeURIComponent(id)}.json`, bounds.recordBytes);
    return bytes ? itemOf(bytes, id) : { gone: id };
  };
  for (let at = 0; at < ids.length; at += atOnce) yield* await Promise.all(ids.slice(at, at + atOnce).map(fetchOne));
}
