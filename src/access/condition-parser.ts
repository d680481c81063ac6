import { type Condition, operatorOf, type Quantifier, quantifiers, repositoryAttribute } from './condition.ts';
import { conditionError, type Token, tokensOf } from './condition-tokens.ts';

export const maxConditionDepth = 50;
export const maxConditionNodes = 500;

interface Reader {
  text: string;
  tokens: readonly Token[];
  next: number;
  nodes: number;
}

/**
 * Reads a condition of Azure ABAC, version 2.0 (Azure, "Azure role assignment condition format and syntax"): what
 * compares the name of the repository, ActionMatches and SubOperationMatches, joined by AND, OR, NOT and parentheses.
 * AND and OR beside each other need parentheses, as in Azure. Throws BAD_REQUEST that says where and what was
 * expected; a condition with anything unknown is refused, since what is not understood must not grant.
 */
export function parseCondition(text: string): Condition {
  const reader: Reader = { text, tokens: tokensOf(text), next: 0, nodes: 0 };
  const condition = readExpression(reader, 0);
  if (peek(reader).kind !== 'end') throw expected(reader, 'AND, OR or the end');
  return condition;
}

function readExpression(reader: Reader, depth: number): Condition {
  const first = readOperand(reader, depth);
  const kind = joinAt(reader);
  if (!kind) return first;
  const parts = [first];
  for (;;) {
    const join = joinAt(reader);
    if (!join) break;
    if (join !== kind) throw expected(reader, 'parentheses around AND or OR where both are used');
    reader.next++;
    parts.push(readOperand(reader, depth));
  }
  return node(reader, { kind, parts });
}

function readOperand(reader: Reader, depth: number): Condition {
  if (depth > maxConditionDepth) throw expected(reader, `at most ${maxConditionDepth} levels`);
  const token = peek(reader);
  if (isSign(token, '!') || isKeyword(token, 'NOT')) {
    reader.next++;
    return node(reader, { kind: 'not', part: readOperand(reader, depth + 1) });
  }
  if (isSign(token, '(')) {
    reader.next++;
    const inner = readExpression(reader, depth + 1);
    take(reader, ')');
    return inner;
  }
  if (token.kind === 'attribute') return readComparison(reader);
  if (token.kind === 'word' && token.value === 'ActionMatches') {
    return node(reader, { kind: 'action', pattern: readBraced(reader) });
  }
  if (token.kind === 'word' && token.value === 'SubOperationMatches') {
    return node(reader, { kind: 'suboperation', name: readBraced(reader) });
  }
  throw expected(reader, 'ActionMatches, SubOperationMatches, @Request[…], NOT or a parenthesis');
}

function readComparison(reader: Reader): Condition {
  if (peek(reader).value.toLowerCase() !== repositoryAttribute.toLowerCase()) {
    throw expected(reader, `@Request[${repositoryAttribute}]`);
  }
  reader.next++;
  const [prefix, name] = splitOperator(peek(reader));
  const operator = operatorOf(name);
  if (!operator || (prefix !== undefined && !isQuantifier(prefix))) {
    throw expected(reader, 'an operator such as StringEquals or ForAnyOfAnyValues:StringLike');
  }
  reader.next++;
  if (prefix === undefined) {
    return node(reader, { kind: 'compare', operator, values: [readText(reader)] });
  }
  return node(reader, { kind: 'compare', operator, quantifier: prefix, values: readList(reader) });
}

function splitOperator({ kind, value }: Token): [prefix: string | undefined, name: string] {
  if (kind !== 'word') return [undefined, ''];
  const colon = value.indexOf(':');
  return colon < 0 ? [undefined, value] : [value.slice(0, colon), value.slice(colon + 1)];
}

function readBraced(reader: Reader): string {
  reader.next++;
  take(reader, '{');
  const text = readText(reader);
  take(reader, '}');
  return text;
}

function readList(reader: Reader): string[] {
  take(reader, '{');
  const values = [readText(reader)];
  while (isSign(peek(reader), ',')) {
    reader.next++;
    values.push(readText(reader));
  }
  take(reader, '}');
  return values;
}

function readText(reader: Reader): string {
  const token = peek(reader);
  if (token.kind !== 'text') throw expected(reader, 'a text in single quotes');
  reader.next++;
  return token.value;
}

function joinAt(reader: Reader): 'and' | 'or' | undefined {
  const token = peek(reader);
  if (isSign(token, '&&') || isKeyword(token, 'AND')) return 'and';
  return isSign(token, '||') || isKeyword(token, 'OR') ? 'or' : undefined;
}

function take(reader: Reader, sign: string): void {
  if (!isSign(peek(reader), sign)) throw expected(reader, sign);
  reader.next++;
}

function node(reader: Reader, condition: Condition): Condition {
  if (++reader.nodes > maxConditionNodes) throw expected(reader, `at most ${maxConditionNodes} parts`);
  return condition;
}

function peek(reader: Reader): Token {
  return reader.tokens[reader.next]!;
}

function expected(reader: Reader, what: string) {
  return conditionError(reader.text, peek(reader).at, what);
}

function isSign({ kind, value }: Token, sign: string): boolean {
  return kind === 'sign' && value === sign;
}

function isKeyword({ kind, value }: Token, word: string): boolean {
  return kind === 'word' && value.toUpperCase() === word;
}

function isQuantifier(prefix: string): prefix is Quantifier {
  return Object.hasOwn(quantifiers, prefix);
}
