import { mostCompared } from './bounds.ts';
import type { Place, Row } from './compiled.ts';
import type { PlannedKey } from './plan.ts';
import { compareValues, type Value } from './values.ts';

/** A row with what it is put in order by. */
export interface Sorted extends Placed {
  row: Row;
}

/** Columns that keys ask for. */
export function readsOfKeys(planned: readonly PlannedKey[]): Set<number> {
  return new Set(planned.flatMap(({ value }) => [...value.reads]));
}

/** What a row is put in order by; of texts the beginning. */
export function keysOf(planned: readonly PlannedKey[], row: Row): Value[] {
  return planned.map(({ value }) => {
    const key = value.evaluate(row);
    if (typeof key === 'string') return key.slice(0, mostCompared);
    return key !== null && typeof key === 'object' ? JSON.stringify(key).slice(0, mostCompared) : key;
  });
}

/** By keys, then by places: no two rows of the table are alike. */
export function compareSorted(planned: readonly PlannedKey[]) {
  return (left: Placed, right: Placed): number => {
    for (const [n, { descending, nullsFirst }] of planned.entries()) {
      const [a, b] = [left.keys[n] ?? null, right.keys[n] ?? null];
      if (a === null && b === null) continue;
      if (a === null || b === null) return (a === null) === nullsFirst ? -1 : 1;
      const sign = compareValues(a, b);
      if (sign !== 0) return descending ? -sign : sign;
    }
    return comparePlaces(left.place, right.place);
  };
}

export interface Placed {
  keys: readonly Value[];
  place: Place | undefined;
}

function comparePlaces(left: Place = [], right: Place = []): number {
  for (const [n, one] of left.entries()) {
    const other = right[n];
    if (other === undefined || one === other) continue;
    return one < other ? -1 : 1;
  }
  return 0;
}

/** Keeps the first of many rows, in an order: never more than `most`. Rows that are alike stay as they came. */
export function createFirst<T>(most: number, compare: (left: T, right: T) => number) {
  const kept: T[] = [];
  return {
    add(one: T): void {
      const last = kept.at(-1);
      if (most <= 0 || (kept.length === most && last !== undefined && compare(one, last) >= 0)) return;
      let [low, high] = [0, kept.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (compare(one, kept[middle]!) < 0) high = middle;
        else low = middle + 1;
      }
      kept.splice(low, 0, one);
      if (kept.length > most) kept.pop();
    },
    all: (): T[] => kept,
  };
}
