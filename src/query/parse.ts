import { mostColumns, mostKeys, mostOperators, mostTaken } from './bounds.ts';
import { parseExpression, reserved } from './parse-expression.ts';
import { QueryError } from './query-error.ts';
import type { Aggregate, Expression, Named, Operator, OrderKey, Query } from './syntax.ts';
import { readTokens, type TokenReader } from './token-reader.ts';

/** The one table. */
export const table = 'Manifests';

/**
 * Reads a query: `Manifests | operator | …`, a part of Kusto's language. Throws QueryError, which says at which character
 * what was expected; nothing else, whatever the text.
 */
export function parseQuery(text: string): Query {
  const tokens = readTokens(text);
  if (!tokens.takeName(table)) throw tokens.refuse(`the table ${table}, the only one,`);
  const operators: Operator[] = [];
  while (tokens.takeSign('|')) {
    if (operators.length === mostOperators)
      throw new QueryError(tokens.next.at, `a query has ${mostOperators} operators at most`);
    operators.push(operatorOf(tokens));
  }
  tokens.takeSign(';');
  if (tokens.next.kind !== 'end') throw tokens.refuse('| or the end of the query');
  return { operators };
}

const known = 'where, project, project-away, extend, order by, take, top, distinct, count or summarize';

function operatorOf(tokens: TokenReader): Operator {
  const { next } = tokens;
  const { at } = next;
  if (next.kind !== 'name') throw tokens.refuse(known);
  switch (next.text) {
    case 'where':
    case 'filter':
      tokens.take();
      return { kind: 'where', condition: parseExpression(tokens), at };
    case 'project':
      tokens.take();
      if (tokens.isSign('-') && tokens.next.at === next.end && isAway(tokens)) return away(tokens, at);
      return { kind: 'project', columns: columns(tokens), at };
    case 'extend':
    case 'distinct':
      tokens.take();
      return { kind: next.text, columns: columns(tokens), at };
    case 'order':
    case 'sort':
      tokens.take();
      return { kind: 'order', keys: keysBy(tokens), at };
    case 'take':
    case 'limit':
      tokens.take();
      return { kind: 'take', count: countOf(tokens), at };
    case 'top':
      tokens.take();
      return { kind: 'top', count: countOf(tokens), keys: keysBy(tokens), at };
    case 'count':
      tokens.take();
      return { kind: 'count', at };
    case 'summarize':
      tokens.take();
      return summary(tokens, at);
  }
  throw tokens.refuse(`one of ${known}`);
}

const isAway = ({ behind }: TokenReader) => behind?.kind === 'name' && behind.text === 'away';

function away(tokens: TokenReader, at: number): Operator {
  tokens.take();
  tokens.take();
  const names = separated(tokens, () => {
    const { next } = tokens;
    return { name: nameOf(tokens), at: next.at };
  });
  return { kind: 'project-away', names, at };
}

function separated<T>(tokens: TokenReader, read: () => T, most = mostColumns): T[] {
  const all: T[] = [];
  do {
    if (all.length === most) throw new QueryError(tokens.next.at, `there are ${most} of these at most`);
    all.push(read());
  } while (tokens.takeSign(','));
  return all;
}

function nameOf(tokens: TokenReader): string {
  const { next } = tokens;
  if (next.kind !== 'name' || next.text.startsWith('!') || next.text.endsWith('~') || reserved.has(next.text))
    throw tokens.refuse('the name of a column');
  tokens.take();
  return next.text;
}

const columns = (tokens: TokenReader): Named[] => separated(tokens, () => column(tokens));

/** `name = value`, or a value that has a name of its own. */
function column(tokens: TokenReader): Named {
  const { next, behind } = tokens;
  const { at } = next;
  if (behind?.kind === 'sign' && behind.text === '=') {
    const name = nameOf(tokens);
    tokens.take();
    return { name, value: parseExpression(tokens), at };
  }
  const value = parseExpression(tokens);
  return { name: ownName(value), value, at };
}

/** As Kusto names what nobody has named: `annotations_title`, `bin_createdAt`. */
function ownName(value: Expression): string {
  if (value.kind === 'column') return value.name;
  if (value.kind === 'member') return `${ownName(value.of)}_${value.member}`.replaceAll(/\W/g, '_');
  if (value.kind === 'call') {
    const [first] = value.given;
    return `${value.name}_${first ? ownName(first) : ''}`;
  }
  throw new QueryError(value.at, 'what is made here needs a name; write NAME = …');
}

function countOf(tokens: TokenReader): number {
  const { next } = tokens;
  if (next.kind !== 'number' || !Number.isInteger(next.value) || next.value > mostTaken)
    throw tokens.refuse(`a whole number up to ${mostTaken}`);
  tokens.take();
  return next.value;
}

function keysBy(tokens: TokenReader): OrderKey[] {
  if (!tokens.takeName('by')) throw tokens.refuse('by');
  return separated(tokens, () => orderKey(tokens), mostKeys);
}

/** Down, where it does not say; what has no value comes last then, and first where it goes up. */
function orderKey(tokens: TokenReader): OrderKey {
  const value = parseExpression(tokens);
  const descending = !tokens.takeName('asc');
  if (descending) tokens.takeName('desc');
  if (!tokens.takeName('nulls')) return { value, descending, nullsFirst: !descending };
  if (tokens.takeName('first')) return { value, descending, nullsFirst: true };
  if (tokens.takeName('last')) return { value, descending, nullsFirst: false };
  throw tokens.refuse('first or last');
}

const aggregates: ReadonlySet<string> = new Set(['count', 'countif', 'sum', 'min', 'max', 'avg']);

function summary(tokens: TokenReader, at: number): Operator {
  const made = tokens.isName('by') ? [] : separated(tokens, () => aggregate(tokens));
  const by = tokens.takeName('by') ? separated(tokens, () => column(tokens), mostKeys) : [];
  return { kind: 'summarize', aggregates: made, by, at };
}

function aggregate(tokens: TokenReader): Aggregate {
  const { next, behind } = tokens;
  const { at } = next;
  let name: string | undefined;
  if (behind?.kind === 'sign' && behind.text === '=') {
    name = nameOf(tokens);
    tokens.take();
  }
  const call = parseExpression(tokens);
  if (call.kind !== 'call' || !aggregates.has(call.name))
    throw new QueryError(call.at, `one of ${[...aggregates].map((one) => `${one}()`).join(', ')} is expected here`);
  const how = call.name as Aggregate['how'];
  const needed = how === 'count' ? 0 : 1;
  if (call.given.length !== needed)
    throw new QueryError(call.at, `${how}() takes ${needed === 0 ? 'nothing' : 'one value'}`);
  const [of] = call.given;
  return { at, name: name ?? `${how}_${of ? ownName(of) : ''}`, how, of };
}
