import type { Database } from '../database/index.ts';
import { type Node, silentMs } from '../jobs/index.ts';
import { findUpload, giveBackUpload, takeUpload, type UploadRow } from './upload-store.ts';
import { conflict } from './upload-refusals.ts';

/** How often a session is looked at whose holder may have died (ms), and for how long at most. */
const lookMs = 100;
const patienceMs = silentMs + 2000;

/** Sessions' rows as they are held among nodes. Within its process the caller has the session's claim already. */
export interface Holders {
  /** The number to write into a row that is new; null where there is one node. */
  self(): number | null;
  /** Takes a session; undefined when there is none. Throws BLOB_UPLOAD_INVALID (409) while another node writes to it. */
  take(id: string): Promise<UploadRow | undefined>;
  /** The same without waiting; undefined, too, when another node has it. */
  takeNow(id: string): Promise<UploadRow | undefined>;
  /** Leaves it to whoever comes next. Never fails: what cannot be written now is written later. */
  giveBack(id: string, holder: number | null): Promise<void>;
}

/** Where all who write know each other's claims by other means. */
export function withoutNodes(db: Database): Holders {
  return {
    self: () => null,
    take: (id) => findUpload(db, id),
    takeNow: (id) => findUpload(db, id),
    giveBack: async () => {},
  };
}

/**
 * Among nodes, a session's row says who has it. Taking it reads it, too, so that it costs no round trip more than reading
 * it alone, and the write that ends a request gives it back.
 */
export function amongNodes(db: Database, node: Node): Holders {
  /**
   * Waits while it is open whether the holder is alive: until it was heard twice, because one heartbeat may have been on
   * its way when it died, or has been silent for so long that its sessions are anybody's.
   */
  async function take(id: string): Promise<UploadRow | undefined> {
    const until = performance.now() + patienceMs;
    let holder: number | null | undefined;
    const heard = new Set<number>();
    for (;;) {
      const taken = await takeUpload(db, id, node.id());
      if (taken) return taken;
      const row = await findUpload(db, id);
      if (!row) return undefined;
      if (row.holder !== holder) heard.clear();
      ({ holder } = row);
      const at = holder === null ? undefined : await node.lastHeard(holder);
      if (at !== undefined) heard.add(at);
      if (heard.size > 2 || performance.now() > until) throw conflict();
      await Bun.sleep(lookMs);
    }
  }

  return {
    self: node.id,
    take,
    takeNow: (id) => takeUpload(db, id, node.id()),
    async giveBack(id, holder) {
      if (holder === null) return;
      try {
        await giveBackUpload(db, id, holder);
      } catch {
        node.eventually(() => giveBackUpload(db, id, holder));
      }
    },
  };
}
