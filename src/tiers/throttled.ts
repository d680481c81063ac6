import type { Database } from '../database/index.ts';
import type { Category } from './contract.ts';
import type { Level } from './refusal.ts';
import './tables.ts';

/** Somebody who was refused for a rate, in the last day or so. */
export interface ThrottledCaller {
  registryId: number;
  identity: string;
  category: Category;
  level: Level;
  refusals: number;
  /** ms */
  lastAt: number;
}

/** Who was refused for a rate, for the advisor. */
export interface ThrottledCallers {
  /** On the way of a refusal: kept in memory. */
  note(registryId: number, refused: { identity: string | undefined; category: Category; level: Level }): void;
  /** Writes down what was noted; for the background. */
  record(): Promise<void>;
  /** Those of today and yesterday, of all processes; who was refused most often first. */
  recent(): Promise<ThrottledCaller[]>;
}

/** Callers that are noted between two writes; more are not told apart. */
const mostNoted = 1000;
const dayMs = 86_400_000;

const others = 'others';

export function createThrottledCallers(db: Database, now: () => number): ThrottledCallers {
  let noted = new Map<string, ThrottledCaller>();

  return {
    note(registryId, { identity = 'all', category, level }) {
      const key = `${registryId} ${category} ${level} ${identity}`;
      const isNew = !noted.has(key) && noted.size >= mostNoted;
      const whose = isNew ? others : identity.slice(0, 128).replaceAll(/[^ -~]/g, '?');
      const name = isNew ? `${registryId} ${category} ${level} ${others}` : key;
      const before = noted.get(name)?.refusals ?? 0;
      noted.set(name, { registryId, identity: whose, category, level, refusals: before + 1, lastAt: now() });
    },
    async record() {
      if (noted.size === 0) return;
      const callers = [...noted.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      noted = new Map();
      const day = Math.floor(now() / dayMs);
      await db.write(
        async (tx) => {
          // Also those of a time to come, by a clock that was wrong.
          tx.send('DELETE FROM throttled_callers WHERE day < ? OR day > ?', [day - 1, day + 1]);
          for (const { registryId, identity, category, level, refusals, lastAt } of callers) {
            tx.send(
              `INSERT INTO throttled_callers (registry_id, day, identity, category, level, refusals, last_at)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, registry_id, identity, category, level)
                DO UPDATE SET refusals = throttled_callers.refusals + excluded.refusals, last_at = excluded.last_at`,
              [registryId, day, identity, category, level, refusals, lastAt],
            );
          }
        },
        // What a crash loses will be noted again while it matters.
        { durable: false },
      );
    },
    async recent() {
      const day = Math.floor(now() / dayMs);
      const rows = await db.all<{
        registry_id: number;
        identity: string;
        category: Category;
        level: Level;
        refusals: number;
        last_at: number;
      }>(
        `SELECT registry_id, identity, category, level, refusals, last_at FROM throttled_callers
          WHERE day BETWEEN ? AND ? ORDER BY day, registry_id, identity, category, level LIMIT 5000`,
        [day - 1, day + 1],
      );
      const all = [...noted.values()];
      for (const row of rows) {
        const { registry_id: registryId, last_at: lastAt, identity, category, level, refusals } = row;
        if (now() - lastAt <= dayMs) all.push({ registryId, identity, category, level, refusals, lastAt });
      }
      return [...Map.groupBy(all, keyOf).values()]
        .map((same) => ({
          ...same[0]!,
          refusals: same.reduce((sum, { refusals }) => sum + refusals, 0),
          lastAt: Math.max(...same.map(({ lastAt }) => lastAt)),
        }))
        .toSorted((a, b) => b.refusals - a.refusals);
    },
  };
}

const keyOf = ({ registryId, category, level, identity }: ThrottledCaller) =>
  `${registryId} ${category} ${level} ${identity}`;
