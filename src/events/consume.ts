import type { Database } from '../database/index.ts';
import { cursorOf, type Event, moveCursor, readEvents } from './store.ts';

/**
 * Hands a subscriber what it has not seen, in order, and moves its cursor after each page. At least once: a crash
 * between handling and moving repeats the page, so handlers are idempotent. Resolves with the number handled.
 */
export async function consumeEvents(
  db: Database,
  subscriber: string,
  handle: (event: Event) => Promise<void>,
  limit = 100,
): Promise<number> {
  const events = await readEvents(db, await cursorOf(db, subscriber), limit);
  for (const event of events) await handle(event);
  const last = events.at(-1);
  if (last) await db.write((tx) => moveCursor(tx, subscriber, last));
  return events.length;
}
