import { mostCompared, mostKept, mostKeys, mostOperators, mostTaken } from './bounds.ts';
import type { Place } from './compiled.ts';
import type { Value } from './values.ts';

/** Where a query goes on. It comes back from the client: `readState` says whether it can be one. */
export interface State {
  /** The last row that is over, or where the last look ended. */
  place?: Place;
  /** What is left of each `take`. */
  left?: readonly number[];
  /** Of an order: what the last row was put in order by. */
  keys?: readonly Value[];
  /** Of what is made anew for each page: rows that are over. */
  offset?: number;
}

/** The state that a value is; undefined where it is none, and could not be one. */
export function readState(value: unknown): State | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const { place, left, keys, offset, ...more } = value as Record<keyof State, unknown>;
  if (Object.keys(more).length > 0) return undefined;
  const isFine =
    isListOf(place, 4, isName) &&
    isListOf(left, mostOperators, (one) => isCount(one, mostTaken)) &&
    isListOf(keys, mostKeys, isKey) &&
    (offset === undefined || isCount(offset, mostKept));
  return isFine ? value : undefined;
}

const isListOf = (value: unknown, most: number, is: (one: unknown) => boolean) =>
  value === undefined || (Array.isArray(value) && value.length <= most && value.every(is));

const isCount = (value: unknown, most: number) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;

const isName = (value: unknown) =>
  typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && value.length <= 512;

const isKey = (value: unknown) =>
  value === null ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value)) ||
  (typeof value === 'string' && value.length <= mostCompared);
