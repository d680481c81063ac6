import type { Scope } from './compile.ts';
import type { Row } from './compiled.ts';
import { readsOf } from './plan.ts';
import { type Rendered, renderRow } from './render.ts';
import type { Source } from './source.ts';
import type { State } from './state.ts';
import { sizeOf } from './values.ts';

/** Rows that are rendered at once. */
const together = 20;

export interface Page {
  rows: Rendered[];
  /** Where it goes on; undefined at the end. */
  next: State | undefined;
}

/** The rows of an answer: `page` of them at most, and about `mostCharacters` in all, but one row in any case. */
export function createAnswer(
  columns: Scope,
  { source, page, mostCharacters }: { source: Source; page: number; mostCharacters: number },
) {
  const items: { row: Row; state: State }[] = [];
  return {
    get isFull() {
      return items.length >= page;
    },
    /** `state`: where it goes on behind this row. */
    add: (row: Row, state: State) => void items.push({ row, state }),
    /** `next`: where it goes on behind the last one. */
    async end(next: State | undefined): Promise<Page> {
      const reads = readsOf(columns);
      const rows: Rendered[] = [];
      let characters = 0;
      for (let at = 0; at < items.length; at += together) {
        const some = items.slice(at, at + together);
        await source.load(
          some.map(({ row }) => row).filter(({ place }) => place),
          reads,
        );
        for (const { row } of some) {
          const rendered = renderRow(columns, row);
          characters += sizeOf(rendered);
          if (characters > mostCharacters && rows.length > 0) return { rows, next: items[rows.length - 1]!.state };
          rows.push(rendered);
        }
      }
      return { rows, next };
    },
  };
}
