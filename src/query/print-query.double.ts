import { table } from './parse.ts';
import type { Aggregate, Expression, Named, Operator, OrderKey, Query } from './syntax.ts';

/** The text of a query, which means the same; everything in it that could be doubted stands in parentheses. */
export function printQuery({ operators }: Query): string {
  return [table, ...operators.map(operator)].join(' | ');
}

function operator(one: Operator): string {
  switch (one.kind) {
    case 'where':
      return `where ${printExpression(one.condition)}`;
    case 'project':
    case 'extend':
    case 'distinct':
      return `${one.kind} ${named(one.columns)}`;
    case 'project-away':
      return `project-away ${one.names.map(({ name }) => name).join(', ')}`;
    case 'order':
      return `order by ${keys(one.keys)}`;
    case 'take':
      return `take ${one.count}`;
    case 'top':
      return `top ${one.count} by ${keys(one.keys)}`;
    case 'count':
      return 'count';
    case 'summarize':
      return ['summarize', one.aggregates.map(aggregate).join(', '), one.by.length > 0 && `by ${named(one.by)}`]
        .filter((part) => part !== false && part !== '')
        .join(' ');
  }
}

const named = (columns: readonly Named[]) =>
  columns.map(({ name, value }) => `${name} = ${printExpression(value)}`).join(', ');

const keys = (all: readonly OrderKey[]) =>
  all
    .map(({ value, descending, nullsFirst }) => {
      return `${printExpression(value)} ${descending ? 'desc' : 'asc'} nulls ${nullsFirst ? 'first' : 'last'}`;
    })
    .join(', ');

const aggregate = ({ name, how, of }: Aggregate) => `${name} = ${how}(${of ? printExpression(of) : ''})`;

/** JSON's escapes are among ours, but for some of control characters. */
const text = (value: string) =>
  JSON.stringify(value).replaceAll(/\\[bf]/g, (one) =>
    one === String.raw`\b` ? String.raw`\u0008` : String.raw`\u000c`,
  );

export function printExpression(one: Expression): string {
  switch (one.kind) {
    case 'text':
      return text(one.value);
    case 'number':
      return String(one.value);
    case 'timespan':
      return `${one.value}ms`;
    case 'datetime':
      return `datetime(${new Date(one.value).toISOString()})`;
    case 'bool':
      return String(one.value);
    case 'column':
      return one.name;
    case 'member':
      return `${printExpression(one.of)}[${typeof one.member === 'number' ? one.member : text(one.member)}]`;
    case 'call':
      return `${one.name}(${one.given.map(printExpression).join(', ')})`;
    case 'negative':
      return `(-${printExpression(one.of)})`;
    case 'binary':
      return `(${printExpression(one.left)} ${one.operator} ${printExpression(one.right)})`;
    case 'list':
      return `(${printExpression(one.left)} ${one.operator} (${one.list.map(printExpression).join(', ')}))`;
    case 'between':
      return `(${printExpression(one.left)} ${one.isNot ? '!' : ''}between (${printExpression(one.low)} .. ${printExpression(one.high)}))`;
  }
}
