import fc from 'fast-check';
import type { Aggregate, BinaryOperator, Expression, ListOperator, Named, Operator, Query } from './syntax.ts';

/* Queries that make sense over the table of rows.double.ts. */

const at = 0;
const texts = fc.constantFrom('', 'a', 'b', 'ab', 'A b', 'a-b', 'v1', '7');
const of = (name: string): Expression => ({ kind: 'column', name, at });
const call = (name: string, ...given: Expression[]): Expression => ({ kind: 'call', name, given, at });
const binary = (operator: BinaryOperator, left: Expression, right: Expression): Expression => ({
  kind: 'binary',
  operator,
  left,
  right,
  at,
});
type Made = fc.Arbitrary<Expression>;

const member: Made = fc
  .tuple(fc.constantFrom('bag', 'list'), fc.oneof(fc.constantFrom('a', 'b c', 'none'), fc.integer({ min: 0, max: 2 })))
  .map(([name, key]) => ({ kind: 'member', of: of(name), member: key, at }));
const text: Made = fc.oneof(
  fc.constantFrom(of('name'), of('kind')),
  texts.map((value): Expression => ({ kind: 'text', value, at })),
  member.map((one) => call('tostring', one)),
  fc.constant(call('strcat', of('name'), { kind: 'text', value: '-', at }, of('kind'))),
);
const dynamic: Made = fc.oneof(member, fc.constantFrom(of('bag'), of('list')));
const number: Made = fc.oneof(
  fc.constantFrom(of('size'), of('weight')),
  fc.integer({ min: 0, max: 4 }).map((value): Expression => ({ kind: 'number', value, at })),
  member.map((one) => call('tolong', one)),
  fc.constant(call('array_length', of('list'))),
  fc
    .tuple(fc.constantFrom('+', '-', '*', '/', '%'), fc.constantFrom(of('size'), of('weight')), fc.nat(3))
    .map(([operator, left, value]) => binary(operator as BinaryOperator, left, { kind: 'number', value, at })),
  fc.constant<Expression>({ kind: 'negative', of: of('size'), at }),
);
const time: Made = fc.oneof(
  fc.constantFrom(of('created'), of('pulled'), call('now')),
  fc.nat(5).map((value) => call('ago', { kind: 'timespan', value, at })),
  fc.nat(9).map((value): Expression => ({ kind: 'datetime', value, at })),
  fc.nat(3).map((value) => binary('-', of('created'), { kind: 'timespan', value, at })),
);

const textOperator = fc
  .tuple(
    fc.constantFrom('', '!'),
    fc.constantFrom('contains', 'startswith', 'endswith', 'has', 'hasprefix', 'hassuffix'),
    fc.constantFrom('', '_cs'),
  )
  .map(([not, name, exact]) => `${not}${name}${name.startsWith('has') && name !== 'has' ? '' : exact}`);
const order = fc.constantFrom<BinaryOperator>('<', '<=', '>', '>=', '==', '!=');

const atom: Made = fc.oneof(
  fc.tuple(order, number, number).map(([operator, left, right]) => binary(operator, left, right)),
  fc.tuple(order, time, time).map(([operator, left, right]) => binary(operator, left, right)),
  fc
    .tuple(fc.constantFrom<BinaryOperator>('==', '!=', '=~', '!~'), fc.oneof(text, dynamic), text)
    .map(([operator, left, right]) => binary(operator, left, right)),
  fc
    .tuple(textOperator, fc.oneof(text, dynamic), text)
    .map(([operator, left, right]) => binary(operator as BinaryOperator, left, right)),
  fc
    .tuple(
      fc.constantFrom<ListOperator>('in', '!in', 'in~', '!in~', 'has_any', 'has_all'),
      fc.oneof(text, dynamic),
      fc.array(text, { minLength: 1, maxLength: 3 }),
    )
    .map(([operator, left, list]): Expression => ({ kind: 'list', operator, left, list, at })),
  fc
    .tuple(text, fc.constant<Expression[]>([of('list')]))
    .map(([left, list]): Expression => ({ kind: 'list', operator: 'in', left, list, at })),
  fc
    .tuple(fc.boolean(), number, number, number)
    .map(([isNot, left, low, high]): Expression => ({ kind: 'between', isNot, left, low, high, at })),
  fc
    .tuple(fc.constantFrom('isempty', 'isnotempty', 'isnull', 'isnotnull'), fc.oneof(text, dynamic, time, number))
    .map(([name, given]) => call(name, given)),
  fc.boolean().map((value): Expression => ({ kind: 'bool', value, at })),
);
const condition: Made = fc.letrec<{ one: Expression }>((tie) => ({
  one: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atom,
    fc
      .tuple(fc.constantFrom<BinaryOperator>('and', 'or'), tie('one'), tie('one'))
      .map(([operator, left, right]) => binary(operator, left, right)),
    tie('one').map((given) => call('not', given)),
  ),
})).one;

const any = fc.oneof(text, number, time, dynamic, condition);
const names = ['name', 'kind', 'size', 'weight', 'created', 'pulled', 'list', 'bag'];
const key = fc.record({ value: fc.oneof(text, number, time), descending: fc.boolean(), nullsFirst: fc.boolean() });
const keys = fc.array(key, { minLength: 1, maxLength: 2 });
const made = (values: Made, most: number): fc.Arbitrary<Named[]> =>
  fc
    .array(values, { minLength: 1, maxLength: most })
    .map((all) => all.map((value, n) => ({ name: `made${n}`, value, at })));
const aggregates = fc
  .array(
    fc.oneof(
      fc.constant({ how: 'count' as const, of: undefined }),
      condition.map((one) => ({ how: 'countif' as const, of: one })),
      fc.tuple(fc.constantFrom('sum', 'avg', 'min', 'max' as const), number).map(([how, one]) => ({ how, of: one })),
    ),
    { maxLength: 3 },
  )
  .map((all) => all.map((one, n): Aggregate => ({ ...(one as Pick<Aggregate, 'how' | 'of'>), name: `found${n}`, at })));

/** Keeps every column, so that what comes behind makes sense still. */
const keeping: fc.Arbitrary<Operator> = fc.oneof(
  { arbitrary: condition.map((one): Operator => ({ kind: 'where', condition: one, at })), weight: 4 },
  made(any, 2).map((columns): Operator => ({ kind: 'extend', columns, at })),
  made(any, 2).map((columns): Operator => {
    return { kind: 'project', columns: [...names.map((name) => ({ name, value: of(name), at })), ...columns], at };
  }),
  keys.map((all): Operator => ({ kind: 'order', keys: all, at })),
  fc.nat(12).map((count): Operator => ({ kind: 'take', count, at })),
  fc.tuple(fc.nat(12), keys).map(([count, all]): Operator => ({ kind: 'top', count, keys: all, at })),
);
const ending: fc.Arbitrary<Operator> = fc.oneof(
  fc.constant<Operator>({ kind: 'count', at }),
  made(any, 2).map((columns): Operator => ({ kind: 'distinct', columns, at })),
  fc
    .tuple(aggregates, made(fc.oneof(text, number, time), 2))
    .map(([all, by]): Operator => ({ kind: 'summarize', aggregates: all, by, at })),
  made(any, 3).map((columns): Operator => ({ kind: 'project', columns, at })),
  fc.constant<Operator>({
    kind: 'project-away',
    names: [
      { name: 'bag', at },
      { name: 'size', at },
    ],
    at,
  }),
);
const after: fc.Arbitrary<Operator> = fc.oneof(
  fc.nat(12).map((count): Operator => ({ kind: 'take', count, at })),
  fc.constant<Operator>({ kind: 'count', at }),
);

export const arbitraryQuery: fc.Arbitrary<Query> = fc
  .tuple(fc.array(keeping, { maxLength: 4 }), fc.option(ending, { nil: undefined }), fc.array(after, { maxLength: 1 }))
  .map(([first, last, more]) => ({ operators: [...first, ...(last ? [last, ...more] : [])] }));
