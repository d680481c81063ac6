import { cellOf } from './table.ts';

/**
 * A line for each thing, its values apart by tabs, without a heading, as `az` does it: for `read` and `cut`. Tabs and ends
 * of lines in a value are written `\t` and `\n`.
 */
export function tsvOf(value: unknown): string {
  const things = Array.isArray(value) ? value : [value];
  return things.map(lineOf).join('\n');
}

function lineOf(thing: unknown): string {
  if (Array.isArray(thing)) return thing.map(cellOf).join('\t');
  if (typeof thing === 'object' && thing !== null) return Object.values(thing).map(cellOf).join('\t');
  return cellOf(thing);
}
