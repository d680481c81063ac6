import type { Parameter } from '../database/index.ts';
import { afterName } from './pages.ts';

/** The order of a list: by name (of manifests: digest), or by time and then by name. */
export type ListOrder = 'name' | 'newest' | 'oldest';

/** Where a page begins. */
export interface ListPosition {
  order: ListOrder;
  /** The last name that was seen; '' for the first page. */
  last: string;
  /** Time of what was seen last (ms); undefined where whoever asks does not know it. */
  at?: number | undefined;
  limit: number;
}

/** What comes after a position, as the end of a statement behind `WHERE repository_id = ?`. */
export function following(
  { order, last, at, limit }: ListPosition,
  columns: { name: string; time: string },
): { text: string; values: Parameter[] } {
  const { name, time } = columns;
  if (order === 'name') return { text: `AND ${name} > ? ORDER BY ${name} LIMIT ?`, values: [afterName(last), limit] };
  const [sign, direction, start] = order === 'newest' ? ['<', 'DESC', Number.MAX_SAFE_INTEGER] : ['>', 'ASC', -1];
  const begins = at === undefined;
  return {
    text: `AND (${time}, ${name}) ${sign} (?, ?) ORDER BY ${time} ${direction}, ${name} ${direction} LIMIT ?`,
    values: [begins ? start : at, begins ? '' : afterName(last), limit],
  };
}
