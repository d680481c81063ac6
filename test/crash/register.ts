/**
 * Something that clients set and read, such as where a tag points. It knows which values the server may hold: an
 * acknowledged change rules out what was set before it began; one whose connection broke may have happened or not.
 */
export interface Register<T> {
  /** Announces a change before it is sent; exactly one of the outcomes follows. */
  change(value: T): Change;
  /** What a reader may find now. */
  possible(): T[];
  /** Whether only this value is possible. */
  mustBe(value: T): boolean;
  /** Takes what a reader found, while nobody changes it, for the truth. */
  observe(value: T): void;
  /** A value is gone, whoever set it; if it was the one, `becomes` is now. */
  replaced(value: T, becomes: T): void;
}

export interface Change {
  acknowledged(): void;
  /** The server said that it changed nothing. */
  refused(): void;
  /** Nobody answered. */
  unknown(): void;
}

interface Entry<T> {
  value: T;
  began: number;
  ended: number;
}

let clock = 0;

export function createRegister<T>(initial: T): Register<T> {
  let entries: Entry<T>[] = [{ value: initial, began: 0, ended: 0 }];
  const without = (entry: Entry<T>) => (entries = entries.filter((other) => other !== entry));
  return {
    change(value) {
      const entry: Entry<T> = { value, began: ++clock, ended: Number.POSITIVE_INFINITY };
      entries.push(entry);
      return {
        acknowledged() {
          entry.ended = ++clock;
          entries = entries.filter((other) => other.ended >= entry.began);
        },
        refused: () => void without(entry),
        unknown: () => void (entry.ended = ++clock),
      };
    },
    possible: () => [...new Set(entries.map((entry) => entry.value))],
    mustBe: (value) => entries.every((entry) => entry.value === value),
    observe(value) {
      entries = [{ value, began: ++clock, ended: clock }];
    },
    replaced(value, becomes) {
      if (!entries.some((entry) => entry.value === value)) return;
      entries = entries.filter((entry) => entry.value !== value);
      entries.push({ value: becomes, began: clock, ended: ++clock });
    },
  };
}
