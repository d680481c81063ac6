import type { TableRow } from './rows.double.ts';
import type { Aggregate, Expression, Operator, OrderKey, Query } from './syntax.ts';
import type { Value } from './values.ts';

/*
 * What a query means, as plainly as it can be said: whole tables, one operator after the other, no types. It shares nothing
 * with what it is compared with.
 */

/** `place`: of a row of the table, its number. */
interface Line {
  place?: number;
  values: Record<string, Value>;
}

export function answerOf({ operators }: Query, rows: readonly TableRow[], now: number): Record<string, Value>[] {
  const start = rows.map((values, place): Line => ({ place, values }));
  const lines = operators.filter(matters).reduce((before, one) => step(one, before, now), start);
  return lines.map(({ values }) => values);
}

/** In which order groups come is not said, so an order before them, of which nothing is taken, does not matter. */
function matters({ kind }: Operator, at: number, all: readonly Operator[]): boolean {
  const next = all
    .slice(at + 1)
    .find((one) => !['where', 'extend', 'project', 'project-away', 'order'].includes(one.kind));
  return kind !== 'order' || !next || !['count', 'distinct', 'summarize'].includes(next.kind);
}

function step(one: Operator, lines: Line[], now: number): Line[] {
  const value = (expression: Expression, { values }: Line) => ask(expression, values, now);
  const made = (line: Line, columns: { name: string; value: Expression }[]) =>
    Object.fromEntries(columns.map((column) => [column.name, value(column.value, line)]));
  switch (one.kind) {
    case 'where':
      return lines.filter((line) => value(one.condition, line) === true);
    case 'extend':
      return lines.map((line) => ({ ...line, values: { ...line.values, ...made(line, one.columns) } }));
    case 'project':
      return lines.map((line) => ({ ...line, values: made(line, one.columns) }));
    case 'project-away': {
      const gone = new Set(one.names.map(({ name }) => name));
      const left = (values: Line['values']) =>
        Object.fromEntries(Object.entries(values).filter(([name]) => !gone.has(name)));
      return lines.map((line) => ({ ...line, values: left(line.values) }));
    }
    case 'take':
      return lines.slice(0, one.count);
    case 'order':
      return sorted(lines, one.keys, value);
    case 'top':
      return sorted(lines, one.keys, value).slice(0, one.count);
    case 'count':
      return [{ values: { Count: lines.length } }];
    case 'distinct':
      return grouped(lines, (line) => made(line, one.columns), []);
    case 'summarize':
      return one.by.length === 0 && lines.length === 0
        ? [{ values: Object.fromEntries(one.aggregates.map((each) => [each.name, found(each, [], value)])) }]
        : grouped(lines, (line) => made(line, one.by), one.aggregates, value);
  }
}

type Ask = (expression: Expression, line: Line) => Value;

function sorted(lines: Line[], keys: OrderKey[], value: Ask): Line[] {
  return lines.toSorted((left, right) => {
    for (const key of keys) {
      const [a, b] = [value(key.value, left), value(key.value, right)];
      if (a === b) continue;
      if (a === null) return key.nullsFirst ? -1 : 1;
      if (b === null) return key.nullsFirst ? 1 : -1;
      return a < b !== key.descending ? -1 : 1;
    }
    return (left.place ?? 0) - (right.place ?? 0);
  });
}

function grouped(lines: Line[], by: (line: Line) => Line['values'], all: Aggregate[], value?: Ask): Line[] {
  const groups = Map.groupBy(lines, (line) => JSON.stringify(by(line)));
  return [...groups.values()].map((members) => ({
    values: { ...by(members[0]!), ...Object.fromEntries(all.map((each) => [each.name, found(each, members, value!)])) },
  }));
}

function found({ how, of }: Aggregate, members: Line[], value: Ask): Value {
  if (how === 'count') return members.length;
  if (how === 'countif') return members.filter((line) => value(of!, line) === true).length;
  const numbers = members.map((line) => value(of!, line)).filter((one) => typeof one === 'number');
  const sum = numbers.reduce((total, one) => total + one, 0);
  if (how === 'sum') return sum;
  if (numbers.length === 0) return null;
  if (how === 'avg') return sum / numbers.length;
  return how === 'min' ? Math.min(...numbers) : Math.max(...numbers);
}

const said = (value: Value): string =>
  value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);

function ask(one: Expression, values: Line['values'], now: number): Value {
  const inner = (expression: Expression) => ask(expression, values, now);
  switch (one.kind) {
    case 'text':
    case 'number':
    case 'timespan':
    case 'datetime':
    case 'bool':
      return one.value;
    case 'column':
      return values[one.name]!;
    case 'member': {
      const whole = inner(one.of);
      if (Array.isArray(whole))
        return typeof one.member === 'number' ? ((whole[one.member] as Value | undefined) ?? null) : null;
      return whole !== null && typeof whole === 'object'
        ? ((whole as Line['values'])[String(one.member)] ?? null)
        : null;
    }
    case 'negative':
      return -(inner(one.of) as number);
    case 'between': {
      const [value, low, high] = [inner(one.left), inner(one.low), inner(one.high)];
      const both = and(less(low, value, true), less(value, high, true));
      return one.isNot ? not(both) : both;
    }
    case 'list':
      return listed(one.operator, inner(one.left), one.list.map(inner));
    case 'call':
      return called(one.name, one.given.map(inner), now);
    case 'binary':
      return two(one.operator, inner(one.left), inner(one.right));
  }
}

const not = (value: Value): Value => (value === null ? null : !(value as boolean));
const and = (a: Value, b: Value): Value =>
  a === false || b === false ? false : a === null || b === null ? null : true;
const less = (a: Value, b: Value, orSame: boolean): Value =>
  a === null || b === null ? null : orSame ? a <= b : a < b;
const same = (a: Value, b: Value): Value => {
  if (a === null || b === null) return a === b ? null : false;
  return typeof a === typeof b && typeof a !== 'object' ? a === b : said(a) === said(b);
};

function called(name: string, [first, ...more]: Value[], now: number): Value {
  const blank = first === null || said(first!) === '' || said(first!) === '[]' || said(first!) === '{}';
  switch (name) {
    case 'now':
      return now;
    case 'ago':
      return now - (first as number);
    case 'not':
      return not(first!);
    case 'isempty':
      return blank;
    case 'isnotempty':
      return !blank;
    case 'isnull':
      return first === null;
    case 'isnotnull':
      return first !== null;
    case 'tostring':
      return said(first!);
    case 'strcat':
      return [first!, ...more].map(said).join('');
    case 'array_length':
      return Array.isArray(first) ? first.length : null;
    case 'tolong':
      if (typeof first === 'boolean') return Number(first);
      return typeof first === 'number' || /^\d+$/.test(said(first!)) ? Number(first) : null;
  }
  throw new Error(`the model has no ${name}()`);
}

function wordsOf(text: string): string[] {
  return text.split(/[^A-Za-z0-9]+/);
}

/** As words: those of the sought text side by side, and whole at the ends that count. */
function hasText(name: string, text: string, sought: string): boolean {
  const isWord = (one: string | undefined) => one !== undefined && one !== '' && wordsOf(one).join('') === one;
  return Array.from({ length: text.length + 1 }, (_, at) => at).some((at) => {
    if (text.slice(at, at + sought.length) !== sought) return false;
    const [before, after] = [at === 0 ? undefined : text[at - 1], text[at + sought.length]];
    return sought === '' || ((name === 'hasprefix' || !isWord(after)) && (name === 'hassuffix' || !isWord(before)));
  });
}

function matches(operator: string, value: Value, sought: string): boolean {
  const exact = operator.endsWith('_cs');
  const name = operator.replace('!', '').replace('_cs', '');
  const cased = (text: string) => (exact ? text : text.toLowerCase());
  const texts = Array.isArray(value) ? value.map(said) : [said(value)];
  const is = texts.some((one) => {
    const [text, wanted] = [cased(one), cased(sought)];
    if (name === 'contains') return text.includes(wanted);
    if (name === 'startswith') return text.startsWith(wanted);
    return name === 'endswith' ? text.endsWith(wanted) : hasText(name, text, wanted);
  });
  return is !== operator.startsWith('!');
}

function listed(operator: string, value: Value, list: Value[]): Value {
  if (operator.startsWith('has')) {
    const has = (word: Value) => matches('has', value, said(word));
    return operator === 'has_any' ? list.some(has) : list.every(has);
  }
  const all = list.length === 1 && Array.isArray(list[0]) ? list[0] : list;
  const lower = (one: Value) => said(one).toLowerCase();
  const is = all.some((one: Value) =>
    operator.endsWith('~') ? lower(one) === lower(value) : same(value, one) === true,
  );
  return is !== operator.startsWith('!');
}

function two(operator: string, a: Value, b: Value): Value {
  switch (operator) {
    case 'and':
      return and(a, b);
    case 'or':
      return not(and(not(a), not(b)));
    case '==':
      return same(a, b);
    case '!=':
      return not(same(a, b));
    case '=~':
      return said(a).toLowerCase() === said(b).toLowerCase();
    case '!~':
      return said(a).toLowerCase() !== said(b).toLowerCase();
    case '<':
    case '<=':
      return less(a, b, operator === '<=');
    case '>':
    case '>=':
      return less(b, a, operator === '>=');
  }
  if (!/^[-+*/%]$/.test(operator)) return matches(operator, a, said(b));
  if (a === null || b === null) return null;
  const [x, y] = [a as number, b as number];
  const made = { '+': x + y, '-': x - y, '*': x * y, '/': x / y, '%': x % y }[operator]!;
  return Number.isFinite(made) ? made : null;
}
