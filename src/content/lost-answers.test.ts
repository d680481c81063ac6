import { expect, test } from 'bun:test';
import { testDialect } from '../../test/support/database.ts';
import type { Database } from '../database/index.ts';
import { digestOf } from '../oci/index.ts';
import { bodyOf, codeOf, type ContentRig, openContentRig, owner } from './content-rig.double.ts';
import { findBlob } from './store.ts';
import { createUploads } from './uploads.ts';

/** Facts whose commit of a blob is still under way when its answer is lost; `commit` lets it happen. */
function losingAnswers({ db, link }: ContentRig) {
  const committing = Promise.withResolvers<void>();
  let linked = false;
  let lost: Promise<unknown> | undefined;
  const losing: Database = {
    ...db,
    async write(action, options) {
      const acted = Promise.withResolvers<boolean>();
      const written = db.write(async (tx) => {
        linked = false;
        const value = await action(tx);
        acted.resolve(linked);
        if (linked) await committing.promise;
        return value;
      }, options);
      if (!(await acted.promise)) return written;
      lost = written;
      throw new Error('connection lost');
    },
  };
  return {
    losing,
    link: ((tx, blob) => {
      linked = true;
      return link(tx, blob);
    }) satisfies typeof link,
    async commit() {
      committing.resolve();
      await lost;
    },
  };
}

// SQLite answers in the process that commits: there is no answer to lose.
if (testDialect() === 'postgres') {
  const bytes = Buffer.from('hello world');
  const next: Record<string, (rig: ContentRig, id: string) => Promise<unknown>> = {
    'repeats its request': (rig, id) => rig.close(id, bodyOf(' world'), digestOf(bytes)),
    'sends a chunk': (rig, id) => rig.append(id, bodyOf('!')),
    'begins anew': (rig, id) => rig.append(id, bodyOf('bye'), 0),
    cancels: (rig, id) => rig.uploads.cancel(id, owner),
    'says nothing more, and the session is swept': (rig) => rig.uploads.sweep(Date.now() + 1000),
  };
  for (const [what, act] of Object.entries(next)) {
    test(`a commit whose answer was lost may come later, whatever the client does: it ${what}`, async () => {
      await using rig = await openContentRig();
      const { losing, link, commit } = losingAnswers(rig);
      const first = createUploads(losing, rig.store, { stallMs: 60_000, minBytesPerSecond: 0, maxBytes: 1_000_000 });
      const id = await rig.open();
      await rig.append(id, bodyOf('hello'));
      const closing = first.hold(id, owner, (session) => session.close(bodyOf(' world'), digestOf(bytes), link));
      await expect(closing).rejects.toThrow('connection lost');
      let acted = false;
      const answer = codeOf(act(rig, id)).finally(() => (acted = true));
      const waiting = `SELECT count(*) AS n FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      while (!acted && (await rig.db.first<{ n: number }>(waiting, []))!.n === 0) await Bun.sleep(5);
      await commit();
      expect(['done', '404 BLOB_UPLOAD_UNKNOWN']).toContain(await answer);
      const blob = await findBlob(rig.db, digestOf(bytes));
      expect(await rig.bytes(blob!.key)).toEqual(bytes);
      expect((await rig.left()).sessions).toBe(0);
    });
  }
}
