import { as, type Bound, type Compiled, computed, constant, nameOfType, type Row } from './compiled.ts';
import { call } from './functions.ts';
import { textMatcher, textsOf } from './match-text.ts';
import { QueryError } from './query-error.ts';
import { type Arithmetic, arithmetic, type BinaryOperator, type Expression, type Order, orders } from './syntax.ts';
import { compareValues, memberOf, textOf, type Type, type Value } from './values.ts';

/** The columns that there are at a step of a query, by their names. */
export type Scope = ReadonlyMap<string, Compiled>;

/** Makes an expression into one that can be asked of rows. `now`: ms. Throws QueryError where it makes no sense. */
export function compile(one: Expression, scope: Scope, now: number): Compiled {
  const inner = (expression: Expression) => compile(expression, scope, now);
  const { at } = one;
  switch (one.kind) {
    case 'text':
      return constant(at, 'string', one.value);
    case 'number':
    case 'timespan':
    case 'datetime':
    case 'bool':
      return constant(at, one.kind, one.value);
    case 'column':
      return columnOf(one.name, at, scope);
    case 'member': {
      const of = inner(one.of);
      if (of.type !== 'dynamic') throw new QueryError(at, `${nameOfType[of.type]} has no members`);
      return computed(at, 'dynamic', [of], (row) => memberOf(of.evaluate(row), one.member));
    }
    case 'call':
      return call(at, one.name, one.given.map(inner), now);
    case 'negative': {
      const given = inner(one.of);
      const of = given.type === 'timespan' ? given : as('number', given);
      return computed(at, of.type, [of], (row) => counted(of.evaluate(row), (value) => -value));
    }
    case 'binary':
      return binary(at, one.operator, inner(one.left), inner(one.right));
    case 'list':
      return listed(at, one.operator, inner(one.left), one.list.map(inner));
    case 'between': {
      const left = inner(one.left);
      const [low, high] = [ordered(at, '>=', left, inner(one.low)), ordered(at, '<=', left, inner(one.high))];
      const both = logical(at, 'and', low, high);
      return one.isNot ? call(at, 'not', [both], now) : both;
    }
  }
}

function columnOf(name: string, at: number, scope: Scope): Compiled {
  const column = scope.get(name);
  if (column) return { ...column, at };
  const almost = [...scope.keys()].find((other) => other.toLowerCase() === name.toLowerCase());
  const hint = almost === undefined ? `there are ${[...scope.keys()].join(', ')}` : `there is ${almost}`;
  throw new QueryError(at, `there is no column ${name.slice(0, 60)} here; ${hint}`);
}

const counted = (value: Value, change: (value: number) => number): Value => {
  const made = typeof value === 'number' ? change(value) : Number.NaN;
  return Number.isFinite(made) ? made : null;
};

function binary(at: number, operator: BinaryOperator, left: Compiled, right: Compiled): Compiled {
  if (operator === 'and' || operator === 'or') return logical(at, operator, as('bool', left), as('bool', right));
  if (operator === '==' || operator === '!=') return equal(at, operator === '==', left, right);
  if (operator === '=~' || operator === '!~')
    return alike(at, operator === '=~', as('string', left), as('string', right));
  if (isOneOf(orders, operator)) return ordered(at, operator, left, right);
  if (isOneOf(arithmetic, operator)) return reckoned(at, operator, left, right);
  return matching(at, operator, left, right);
}

const isOneOf = <T extends string>(all: readonly T[], one: string): one is T =>
  (all as readonly string[]).includes(one);

function matching(at: number, operator: string, left: Compiled, right: Compiled): Compiled {
  const matches = textMatcher(operator)!;
  const sought = as('string', right);
  const searched = left.type === 'dynamic' ? left : as('string', left);
  return computed(at, 'bool', [searched, sought], (row) => {
    return matches(searched.evaluate(row), sought.evaluate(row) as string);
  });
}

/** As SQL's: what is not known stays so, unless the other side settles it. */
function logical(at: number, operator: 'and' | 'or', left: Compiled, right: Compiled): Compiled {
  const settles = operator === 'or';
  const made = computed(at, 'bool', [left, right], (row) => {
    const first = left.evaluate(row);
    if (first === settles) return settles;
    const second = right.evaluate(row);
    if (second === settles) return settles;
    return first === null || second === null ? null : !settles;
  });
  return operator === 'and' ? bounded(made, [...(left.bounds ?? []), ...(right.bounds ?? [])]) : made;
}

const bounded = (made: Compiled, bounds: readonly Bound[]): Compiled =>
  bounds.length > 0 ? { ...made, bounds } : made;

/** What is said of a column by values that are known. */
function boundsBy(how: Bound['how'], left: Compiled, right: readonly Compiled[]): Bound[] {
  const values = right.flatMap(({ constant: value }) => (value === undefined || value === null ? [] : [value]));
  return left.column === undefined || values.length < right.length ? [] : [{ column: left.column, how, values }];
}

/** Two sides as of one type: a dynamic one is taken for what the other is. */
function alignedSides(at: number, left: Compiled, right: Compiled): [Compiled, Compiled, Type] {
  const type = left.type === 'dynamic' ? right.type : left.type;
  if (left.type !== right.type && left.type !== 'dynamic' && right.type !== 'dynamic') {
    const times = [left.type, right.type].includes('datetime') ? '; write datetime(2026-01-31)' : '';
    throw new QueryError(at, `${nameOfType[left.type]} cannot be compared with ${nameOfType[right.type]}${times}`);
  }
  return [as(type, left), as(type, right), type];
}

/** Kusto's: with nothing on both sides it is not known, with nothing on one side they differ. */
function equal(at: number, isIt: boolean, left: Compiled, right: Compiled): Compiled {
  const [one, other] = sidesToEqual(at, left, right);
  const made = computed(at, 'bool', [one, other], (row) => {
    const [a, b] = [one.evaluate(row), other.evaluate(row)];
    if (a === null && b === null) return null;
    return (compareValues(a, b) === 0) === isIt;
  });
  return isIt ? bounded(made, [...boundsBy('==', one, [other]), ...boundsBy('==', other, [one])]) : made;
}

/** A dynamic value that is missing is no empty text. */
function sidesToEqual(at: number, left: Compiled, right: Compiled): [Compiled, Compiled] {
  const [one, other, type] = alignedSides(at, left, right);
  if (type !== 'string') return [one, other];
  const kept = (given: Compiled, made: Compiled) =>
    given.type === 'dynamic' ? computed(given.at, 'dynamic', [given], (row) => plain(given, row)) : made;
  return [kept(left, one), kept(right, other)];
}

function plain(given: Compiled, row: Row): Value {
  const value = given.evaluate(row);
  return value === null ? null : textOf(value);
}

function alike(at: number, isIt: boolean, left: Compiled, right: Compiled): Compiled {
  const lower = (one: Compiled, row: Row) => (one.evaluate(row) as string).toLowerCase();
  return computed(at, 'bool', [left, right], (row) => (lower(left, row) === lower(right, row)) === isIt);
}

const holds: Record<Order, (sign: number) => boolean> = {
  '<': (sign) => sign < 0,
  '<=': (sign) => sign <= 0,
  '>': (sign) => sign > 0,
  '>=': (sign) => sign >= 0,
};

function ordered(at: number, operator: Order, left: Compiled, right: Compiled): Compiled {
  const [one, other, type] = alignedSides(at, left, right);
  if (type !== 'number' && type !== 'datetime' && type !== 'timespan') {
    const hint = type === 'dynamic' ? '; write tolong(…) or todatetime(…)' : '';
    throw new QueryError(at, `${operator} compares numbers, datetimes and timespans, not ${nameOfType[type]}${hint}`);
  }
  const decide = holds[operator];
  const made = computed(at, 'bool', [one, other], (row) => {
    const [a, b] = [one.evaluate(row), other.evaluate(row)];
    return a === null || b === null ? null : decide(compareValues(a, b));
  });
  return bounded(made, [...boundsBy(operator, one, [other]), ...boundsBy(turned[operator], other, [one])]);
}

/** The same, seen from the other side. */
const turned: Record<Order, Order> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

const reckon: Record<Arithmetic, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};

function reckoned(at: number, operator: Arithmetic, left: Compiled, right: Compiled): Compiled {
  const isSpan = right.type === 'timespan';
  const made = (type: Type, one: Compiled, other: Compiled) =>
    computed(at, type, [one, other], (row) => {
      const b = other.evaluate(row);
      return typeof b === 'number' ? counted(one.evaluate(row), (a) => reckon[operator](a, b)) : null;
    });
  if (operator === '-' && left.type === 'datetime' && right.type === 'datetime') return made('timespan', left, right);
  if ((operator === '+' || operator === '-') && isSpan && (left.type === 'datetime' || left.type === 'timespan'))
    return made(left.type, left, right);
  return made('number', as('number', left), as('number', right));
}

type List = (Expression & { kind: 'list' })['operator'];

function listed(at: number, operator: List, left: Compiled, list: readonly Compiled[]): Compiled {
  if (operator === 'has_any' || operator === 'has_all') return hasWords(at, operator, left, list);
  const isNot = operator.startsWith('!');
  const isAlike = operator.endsWith('~');
  // `'v1' in (tags)`: a dynamic list stands for what is in it.
  const [only] = list;
  if (list.length === 1 && only!.type === 'dynamic') {
    const sought = as('string', left);
    const one = (text: string) => (isAlike ? text.toLowerCase() : text);
    return computed(at, 'bool', [sought, only!], (row) => {
      const texts = textsOf(only!.evaluate(row)).map(one);
      return texts.includes(one(sought.evaluate(row) as string)) !== isNot;
    });
  }
  const compare = isAlike
    ? (value: Compiled) => alike(at, true, as('string', left), as('string', value))
    : (value: Compiled) => equal(at, true, left, value);
  const tests = list.map(compare);
  const made = computed(at, 'bool', [left, ...list], (row) => {
    return tests.some((test) => test.evaluate(row) === true) !== isNot;
  });
  return operator === 'in' ? bounded(made, boundsBy('==', left, list)) : made;
}

function hasWords(at: number, operator: 'has_any' | 'has_all', left: Compiled, list: readonly Compiled[]): Compiled {
  const has = textMatcher('has')!;
  const searched = left.type === 'dynamic' ? left : as('string', left);
  const words = list.map((one) => as('string', one));
  return computed(at, 'bool', [searched, ...words], (row) => {
    const value = searched.evaluate(row);
    const isIn = (word: Compiled) => has(value, word.evaluate(row) as string);
    return operator === 'has_any' ? words.some(isIn) : words.every(isIn);
  });
}
