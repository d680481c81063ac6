/** An expression as it is written. `at`: its offset in the text. */
export type Expression = { at: number } & (
  | { kind: 'text'; value: string }
  | { kind: 'number'; value: number }
  /** ms. */
  | { kind: 'timespan'; value: number }
  /** ms since 1970. */
  | { kind: 'datetime'; value: number }
  | { kind: 'bool'; value: boolean }
  | { kind: 'column'; name: string }
  /** `of.member`, `of['member']`; by a number, an element. */
  | { kind: 'member'; of: Expression; member: string | number }
  | { kind: 'call'; name: string; given: Expression[] }
  | { kind: 'negative'; of: Expression }
  | { kind: 'binary'; operator: BinaryOperator; left: Expression; right: Expression }
  | { kind: 'list'; operator: ListOperator; left: Expression; list: Expression[] }
  | { kind: 'between'; isNot: boolean; left: Expression; low: Expression; high: Expression }
);

export const arithmetic = ['+', '-', '*', '/', '%'] as const;
export const orders = ['<', '<=', '>', '>='] as const;
export const equalities = ['==', '!=', '=~', '!~'] as const;
/** Of texts; each also with `!` before it. Those without `_cs` do not tell apart upper and lower case. */
export const textOperators = [
  'contains',
  'contains_cs',
  'startswith',
  'startswith_cs',
  'endswith',
  'endswith_cs',
  'has',
  'has_cs',
  'hasprefix',
  'hassuffix',
] as const;
export const listOperators = ['in', 'in~', '!in', '!in~', 'has_any', 'has_all'] as const;

type TextOperator = (typeof textOperators)[number];
export type Arithmetic = (typeof arithmetic)[number];
export type Order = (typeof orders)[number];
export type BinaryOperator =
  | 'and'
  | 'or'
  | Arithmetic
  | Order
  | (typeof equalities)[number]
  | TextOperator
  | `!${TextOperator}`;
export type ListOperator = (typeof listOperators)[number];

/** A column that is made: `name = value`, or a column as it is. */
export interface Named {
  at: number;
  name: string;
  value: Expression;
}

export interface OrderKey {
  value: Expression;
  descending: boolean;
  /** Whether what has no value comes first; Kusto's default is: where it goes up. */
  nullsFirst: boolean;
}

export interface Aggregate {
  at: number;
  name: string;
  how: 'count' | 'countif' | 'sum' | 'min' | 'max' | 'avg';
  of: Expression | undefined;
}

/** What comes behind a `|`. */
export type Operator = { at: number } & (
  | { kind: 'where'; condition: Expression }
  | { kind: 'project' | 'extend' | 'distinct'; columns: Named[] }
  | { kind: 'project-away'; names: { at: number; name: string }[] }
  | { kind: 'order'; keys: OrderKey[] }
  | { kind: 'take'; count: number }
  | { kind: 'top'; count: number; keys: OrderKey[] }
  | { kind: 'count' }
  | { kind: 'summarize'; aggregates: Aggregate[]; by: Named[] }
);

export interface Query {
  operators: Operator[];
}
