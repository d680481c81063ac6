import { aheadMs, type Database } from '../database/index.ts';
import { armKey } from '../operations/index.ts';
import './tables.ts';

/** Which role assignments were of use, as far as this process saw it, and what all of them have written down. */
export interface RightUses {
  /** That an assignment allowed something. On the way of each request: it is kept in memory. */
  used(assignment: string): void;
  /** Writes down what was used; each at most once an hour. For the background. */
  record(): Promise<void>;
  /** When an assignment was last used (ms), by its key. */
  all(): Promise<ReadonlyMap<string, number>>;
}

/** How often the use of one assignment is written by a process (ms). */
const recordedMs = 3_600_000;

/** Uses before this are as good as none (ms): they are forgotten. */
const forgottenMs = 400 * 86_400_000;

const keyOf = (assignment: string) => armKey(assignment) ?? assignment.toLowerCase();

/** `isKnown`: whether an id is that of a resource. Those of the operator are not, and are of no interest. */
export function createRightUses(db: Database, isKnown: (assignment: string) => boolean, now: () => number): RightUses {
  let seen = new Map<string, number>();
  /** When each was last written by this process. */
  const written = new Map<string, number>();

  async function write(uses: readonly (readonly [string, number])[]): Promise<void> {
    await db.write(
      async (tx) => {
        for (const [assignment, at] of uses) {
          tx.send(
            `INSERT INTO right_uses (assignment, registry_id, last_used_at) VALUES (?, 0, ?) ON CONFLICT (assignment)
              DO UPDATE SET last_used_at = excluded.last_used_at
              WHERE right_uses.last_used_at NOT BETWEEN excluded.last_used_at AND ?`,
            [keyOf(assignment), at, at + aheadMs],
          );
        }
        tx.send('DELETE FROM right_uses WHERE last_used_at < ?', [now() - forgottenMs]);
      },
      // What a crash loses is seen again at the next use.
      { durable: false },
    );
  }

  return {
    used(assignment) {
      seen.set(assignment, now());
    },
    async record() {
      const uses = seen;
      seen = new Map();
      const isDue = (at: number, before = -Infinity) => at - before >= recordedMs || before > at + aheadMs;
      const due = [...uses].filter(([id, at]) => isDue(at, written.get(id)) && isKnown(id));
      if (due.length === 0) return;
      // In one order, so that two processes never wait for each other.
      await write(due.toSorted(([one], [other]) => (one < other ? -1 : 1)));
      for (const [id] of written) if (!isKnown(id)) written.delete(id);
      for (const [id, at] of due) written.set(id, at);
    },
    async all() {
      const rows = await db.all<{ assignment: string; last_used_at: number }>(
        'SELECT assignment, last_used_at FROM right_uses',
        [],
      );
      // What is not yet written down counts, too.
      const all = [
        ...rows.map(({ assignment, last_used_at }) => [assignment, last_used_at] as const),
        ...[...written, ...seen].map(([id, at]) => [keyOf(id), at] as const),
      ];
      const latest = now() + aheadMs;
      const uses = new Map<string, number>();
      for (const [key, at] of all) if (at <= latest) uses.set(key, Math.max(at, uses.get(key) ?? 0));
      return uses;
    },
  };
}
