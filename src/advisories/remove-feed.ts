import { listsOf } from '../database/index.ts';
import { changeAdvisories, recordIdsAfter } from './change-advisories.ts';
import { lockClock, tellClock } from './clock.ts';
import { epssFeed } from './epss.ts';
import { beginRun, findFeed, forgetFreshness, listFeeds, requireRun } from './feed-rows.ts';
import type { ImportContext } from './import-context.ts';
import { componentsOf, kevFeed, replaceKev } from './kev.ts';
import { markChanged } from './rematch.ts';
import './tables.ts';

const pageSize = 100;
const scoresAtOnce = 512;

/**
 * Takes a source away with all that is known by it, a few records at a time. False where there is none. One that is fetched by
 * itself comes back the next time.
 */
export async function removeFeed(context: ImportContext, id: string): Promise<boolean> {
  const { db, rest, progress } = context;
  let some = false;
  // Its parts are feeds of their own.
  if (id === 'trivy-db') {
    for (const feed of await listFeeds(db))
      if (feed.id.startsWith('trivy-db/')) some = (await removeFeed(context, feed.id)) || some;
  }
  if (!(await findFeed(db, id))) return some;
  // Whatever is left where this breaks off is not called up to date, and is fetched whole.
  await forgetFreshness(db, id);
  const run = await beginRun(db, id, { whole: true });
  if (id === kevFeed.id) await replaceKev(db, { part: id, run }, []);
  else if (id === epssFeed.id) await removeScores({ db, rest }, run);
  else {
    for (let done = 0; ; done += pageSize) {
      const ids = await recordIdsAfter(db, id, '', pageSize);
      if (ids.length === 0) break;
      await changeAdvisories(
        db,
        { part: id, run },
        ids.map((recordId) => ({ recordId, advisory: undefined })),
      );
      progress?.(id, done + ids.length);
      await rest();
    }
  }
  await db.change('DELETE FROM advisory_feeds WHERE id = ? AND run = ? RETURNING id', [id, run]);
  return true;
}

async function removeScores({ db, rest }: Pick<ImportContext, 'db' | 'rest'>, run: number): Promise<void> {
  for (;;) {
    const gone = await db.write(async (tx) => {
      const revision = await lockClock(tx);
      await requireRun(tx, epssFeed.id, run);
      const rows = await tx.all<{ cve: string }>('SELECT cve FROM exploit_predictions ORDER BY cve LIMIT ?', [
        scoresAtOnce,
      ]);
      const cves = rows.map(({ cve }) => cve);
      for (const { list, values } of listsOf(cves))
        tx.send(`DELETE FROM exploit_predictions WHERE cve IN (${list})`, values);
      const components = await componentsOf(tx, cves);
      if (components.size > 0) tellClock(tx, markChanged(tx, revision, components));
      return cves.length;
    });
    if (gone === 0) return;
    await rest();
  }
}
