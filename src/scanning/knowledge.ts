import { type Vulnerability, vulnerabilitiesOf } from '../advisories/index.ts';
import type { Database } from '../database/index.ts';

/** What advisories say, at one moment. */
export interface Knowledge {
  revision: number;
  /** How fresh the oldest feed is that speaks of these ecosystems (ms); 0 where none speaks of one. */
  freshAt(ecosystems: readonly string[]): number;
  of(componentIds: readonly number[]): Promise<ReadonlyMap<number, readonly Vulnerability[]>>;
}

/** Vulnerabilities that are remembered between images: many have the same packages. */
const mostRemembered = 50_000;

/** Knowledge that asks the advisories, and remembers what it was told as long as it lives: one round of work. */
export function createKnowledge(
  db: Database,
  revision: number,
  freshAt: (ecosystems: readonly string[]) => number,
): Knowledge {
  let known = new Map<number, readonly Vulnerability[]>();
  let remembered = 0;
  return {
    revision,
    freshAt,
    async of(componentIds) {
      const wanted = new Set(componentIds);
      if (remembered > mostRemembered) [known, remembered] = [new Map(), 0];
      const answer = known;
      const missing = [...wanted].filter((id) => !answer.has(id));
      const found = await vulnerabilitiesOf(db, missing);
      for (const id of missing) {
        const list = found.get(id) ?? [];
        if (!answer.has(id)) remembered += 1 + list.length;
        answer.set(id, list);
      }
      return answer;
    },
  };
}
