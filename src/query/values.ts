import { timeOf } from './times.ts';

/** What is known of a value before any row is seen. Times are ms since 1970, timespans ms. */
export type Type = 'string' | 'number' | 'bool' | 'datetime' | 'timespan' | 'dynamic';

/** A value of a row. Of type string it is never null: what has none is ''. Of type dynamic it is anything that JSON has. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [member: string]: Value };

/** The text of a dynamic value: of what is no text, its JSON; of nothing ''. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : JSON.stringify(value);
}

/** Annotations are all texts, so that a number in one is taken for it. */
export function numberOf(value: Value): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string' || !/^\s*[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?\s*$/.test(value)) return null;
  return Number(value);
}

export function dateOf(value: Value): number | null {
  return typeof value === 'string' ? (timeOf(value.trim()) ?? null) : null;
}

export function boolOf(value: Value): boolean | null {
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  return text === 'true' ? true : text === 'false' ? false : null;
}

export function memberOf(value: Value, member: string | number): Value {
  if (value === null || typeof value !== 'object') return null;
  if (Array.isArray(value)) return typeof member === 'number' ? ((value as readonly Value[]).at(member) ?? null) : null;
  const name = String(member);
  return Object.hasOwn(value, name) ? ((value as { [member: string]: Value })[name] ?? null) : null;
}

/** Of two values of one type; null comes before all others. Of dynamic ones: nothing, truths, numbers, texts, the rest. */
export function compareValues(left: Value, right: Value): number {
  const rank = rankOf(left) - rankOf(right);
  if (rank !== 0) return rank;
  const [a, b] = rankOf(left) < 4 ? [left, right] : [JSON.stringify(left), JSON.stringify(right)];
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

function rankOf(value: Value): number {
  if (value === null) return 0;
  return { boolean: 1, number: 2, string: 3 }[typeof value as string] ?? 4;
}

/** About as many characters as a value takes. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return value.length + 8;
  return value !== null && typeof value === 'object' ? JSON.stringify(value).length + 8 : 8;
}
