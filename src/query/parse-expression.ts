import { mostDepth, mostListed } from './bounds.ts';
import { QueryError } from './query-error.ts';
import {
  arithmetic,
  type BinaryOperator,
  equalities,
  type Expression,
  listOperators,
  type ListOperator,
  orders,
  textOperators,
} from './syntax.ts';
import type { TokenReader } from './token-reader.ts';

/** Words that are no columns. */
export const reserved: ReadonlySet<string> = new Set([
  'and',
  'or',
  'by',
  'asc',
  'desc',
  'nulls',
  'true',
  'false',
  'in',
]);

const compared: ReadonlySet<string> = new Set([
  ...orders,
  ...equalities,
  ...textOperators,
  ...textOperators.map((one) => `!${one}`),
]);
const lists: ReadonlySet<string> = new Set(listOperators);

/** Reads an expression: `or` binds least, then `and`, comparisons, sums, products, signs. Throws QueryError. */
export function parseExpression(tokens: TokenReader): Expression {
  return tokens.deeper(() => chain(tokens, ['or'], () => chain(tokens, ['and'], () => comparison(tokens))));
}

/** `a or b or c`, from the left; a chain is no deeper than `mostDepth` either. */
function chain(tokens: TokenReader, operators: readonly string[], inner: () => Expression): Expression {
  let left = inner();
  for (;;) {
    const { next } = tokens;
    const text = next.kind === 'name' || next.kind === 'sign' ? next.text : '';
    if (!operators.includes(text)) return left;
    tokens.take();
    left = { kind: 'binary', operator: text as BinaryOperator, left, right: inner(), at: next.at };
  }
}

function comparison(tokens: TokenReader): Expression {
  const left = sum(tokens);
  const { next } = tokens;
  if (next.kind !== 'name' && next.kind !== 'sign') return left;
  const { text, at } = next;
  if (compared.has(text)) {
    tokens.take();
    return { kind: 'binary', operator: text as BinaryOperator, left, right: sum(tokens), at };
  }
  if (lists.has(text)) {
    tokens.take();
    return { kind: 'list', operator: text as ListOperator, left, list: listed(tokens), at };
  }
  if (text === 'between' || text === '!between') {
    tokens.take();
    tokens.requireSign('(');
    const low = sum(tokens);
    tokens.requireSign('..');
    const high = sum(tokens);
    tokens.requireSign(')');
    return { kind: 'between', isNot: text === '!between', left, low, high, at };
  }
  if (text === 'matches') {
    throw new QueryError(
      at,
      'matches regex is not served, since an expression can take any time; use has, contains, startswith or endswith',
    );
  }
  if (text.startsWith('!') || text === 'like') throw tokens.refuse('an operator, such as ==, has or in,');
  return left;
}

const sum = (tokens: TokenReader) => chain(tokens, arithmetic.slice(0, 2), () => product(tokens));
const product = (tokens: TokenReader) => chain(tokens, arithmetic.slice(2), () => signed(tokens));

function signed(tokens: TokenReader): Expression {
  const { at } = tokens.next;
  if (!tokens.takeSign('-')) return members(tokens);
  return { kind: 'negative', of: tokens.deeper(() => signed(tokens)), at };
}

function members(tokens: TokenReader): Expression {
  let of = primary(tokens);
  for (let count = 0; tokens.isSign('.') || tokens.isSign('['); count++) {
    const { at } = tokens.next;
    if (count === mostDepth) throw new QueryError(at, `members are ${mostDepth} levels deep at most`);
    const member = tokens.takeSign('.') ? dotted(tokens) : bracketed(tokens);
    of = { kind: 'member', of, member, at };
  }
  return of;
}

function dotted(tokens: TokenReader): string {
  const { next } = tokens;
  if (next.kind !== 'name' || !/^\w+$/.test(next.text)) throw tokens.refuse('the name of a member');
  tokens.take();
  return next.text;
}

function bracketed(tokens: TokenReader): string | number {
  tokens.requireSign('[');
  const { next } = tokens;
  const isName = next.kind === 'text' || (next.kind === 'number' && Number.isInteger(next.value));
  if (!isName) throw tokens.refuse("the name of a member in quotes, such as ['a.b'], or the number of an element");
  tokens.take();
  tokens.requireSign(']');
  return next.value;
}

function listed(tokens: TokenReader): Expression[] {
  tokens.requireSign('(');
  const { at } = tokens.next;
  const values: Expression[] = [];
  do {
    if (values.length === mostListed) throw new QueryError(at, `a list has ${mostListed} values at most`);
    values.push(parseExpression(tokens));
  } while (tokens.takeSign(','));
  tokens.requireSign(')');
  return values;
}

function primary(tokens: TokenReader): Expression {
  const { next } = tokens;
  const { at } = next;
  switch (next.kind) {
    case 'text':
      tokens.take();
      return { kind: next.kind, value: next.value, at };
    case 'number':
    case 'timespan':
    case 'datetime':
      tokens.take();
      return { kind: next.kind, value: next.value, at };
    case 'name':
      return named(tokens, next.text, at);
    case 'sign':
      if (next.text !== '(') break;
      tokens.take();
      return inParentheses(tokens);
    case 'end':
  }
  throw tokens.refuse('a column, a value or a function');
}

function inParentheses(tokens: TokenReader): Expression {
  const inner = parseExpression(tokens);
  tokens.requireSign(')');
  return inner;
}

function named(tokens: TokenReader, text: string, at: number): Expression {
  if (text === 'true' || text === 'false') {
    tokens.take();
    return { kind: 'bool', value: text === 'true', at };
  }
  if (text.startsWith('!') && tokens.behind?.kind === 'sign' && tokens.behind.text === '(')
    throw new QueryError(at, `! stands before no function; write not(${text.slice(1, 30)}(…))`);
  if (reserved.has(text) || text.startsWith('!')) throw tokens.refuse('a column, a value or a function');
  tokens.take();
  if (!tokens.isSign('(')) return { kind: 'column', name: text, at };
  if (tokens.behind?.kind === 'sign' && tokens.behind.text === ')') {
    tokens.take();
    tokens.take();
    return { kind: 'call', name: text, given: [], at };
  }
  return { kind: 'call', name: text, given: listed(tokens), at };
}
