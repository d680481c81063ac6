import { mostCharacters, mostTokens } from './bounds.ts';
import { timeOf } from './times.ts';
import { QueryError } from './query-error.ts';

/** A word or sign of a query. `at`, `end`: offsets in its text. */
export type Token = { at: number; end: number } & (
  | { kind: 'name'; text: string }
  | { kind: 'sign'; text: string }
  | { kind: 'text'; value: string }
  | { kind: 'number'; value: number }
  /** ms. */
  | { kind: 'timespan'; value: number }
  /** ms since 1970. */
  | { kind: 'datetime'; value: number }
  | { kind: 'end' }
);

/** Longer ones first: `!=` begins like `!`. */
const signs = [
  '==',
  '!=',
  '=~',
  '!~',
  '<=',
  '>=',
  '..',
  '|',
  '(',
  ')',
  '[',
  ']',
  ',',
  '.',
  '=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  ';',
];
const units: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

const space = /(?:\s|\/\/[^\n]*)*/y;
const name = /!?(?:in~|[A-Za-z_][A-Za-z0-9_]*)/y;
/** Not made of words: `datetime(2026-01-31T10:00:00Z)`. */
const datetime = /datetime\(\s*(?:"([^"'()]{1,40})"|'([^"'()]{1,40})'|([^"'()]{1,40}?))\s*\)/y;
const number = /[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?/y;
const unit = /[A-Za-z]+/y;

/** The words and signs of a query, `end` last. Throws QueryError, beyond `mostCharacters` and `mostTokens` too. */
export function tokensOf(text: string): Token[] {
  if (text.length > mostCharacters)
    throw new QueryError(
      mostCharacters,
      `a query has ${mostCharacters} characters at most; this one has ${text.length}`,
    );
  const tokens: Token[] = [];
  for (let at = matchEnd(space, text, 0); at < text.length;) {
    if (tokens.length === mostTokens)
      throw new QueryError(at, `a query has ${mostTokens} words and signs at most; make it shorter`);
    const token = tokenAt(text, at);
    tokens.push(token);
    at = matchEnd(space, text, token.end);
  }
  return [...tokens, { kind: 'end', at: text.length, end: text.length }];
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

function tokenAt(text: string, at: number): Token {
  const first = text[at]!;
  if (first === "'" || first === '"') return quoted(text, at);
  if (first === '@' && (text[at + 1] === "'" || text[at + 1] === '"')) return verbatim(text, at);
  if (first >= '0' && first <= '9') return numeric(text, at);
  const named = matchEnd(name, text, at);
  if (text.startsWith('datetime(', at)) return dated(text, at);
  if (named > at) return { kind: 'name', text: text.slice(at, named), at, end: named };
  const sign = signs.find((one) => text.startsWith(one, at));
  if (sign !== undefined) return { kind: 'sign', text: sign, at, end: at + sign.length };
  throw new QueryError(at, `${JSON.stringify(String.fromCodePoint(text.codePointAt(at)!))} means nothing here`);
}

function numeric(text: string, at: number): Token {
  const end = matchEnd(number, text, at);
  const value = Number(text.slice(at, end));
  if (!Number.isSafeInteger(Math.trunc(value))) throw new QueryError(at, 'this number is too large');
  const behind = matchEnd(unit, text, end);
  if (behind === end) return { kind: 'number', value, at, end };
  const word = text.slice(end, behind);
  if (!Object.hasOwn(units, word))
    throw new QueryError(end, `${word.slice(0, 20)} is no unit of time: d, h, m, s and ms are`);
  const ms = value * units[word]!;
  if (!Number.isSafeInteger(Math.trunc(ms))) throw new QueryError(at, 'this time is too long');
  return { kind: 'timespan', value: ms, at, end: behind };
}

function dated(text: string, at: number): Token {
  datetime.lastIndex = at;
  const [whole, ...inner] = datetime.exec(text) ?? [];
  const value = timeOf(inner.find((one) => one !== undefined) ?? '');
  if (whole !== undefined && value !== undefined) return { kind: 'datetime', value, at, end: at + whole.length };
  throw new QueryError(at, 'a time is datetime(2026-01-31), or datetime(2026-01-31T10:00:00Z)');
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', "'": "'", '"': '"' };

function quoted(text: string, at: number): Token {
  const quote = text[at]!;
  let value = '';
  for (let next = at + 1; next < text.length; next++) {
    const one = text[next]!;
    if (one === quote) return { kind: 'text', value, at, end: next + 1 };
    if (one === '\n') break;
    if (one !== '\\') {
      value += one;
      continue;
    }
    const escaped = text[++next] ?? '';
    const code = escaped === 'u' ? /^[0-9a-fA-F]{4}$/.exec(text.slice(next + 1, next + 5))?.[0] : undefined;
    if (code !== undefined) {
      value += String.fromCharCode(Number.parseInt(code, 16));
      next += 4;
    } else if (Object.hasOwn(escapes, escaped)) {
      value += escapes[escaped]!;
    } else {
      throw new QueryError(
        next - 1,
        String.raw`\ stands before \, a quote, n, t, r or u and four digits; \\ is the sign itself`,
      );
    }
  }
  throw new QueryError(at, `the text that begins here has no ${quote} at its end`);
}

/** `@'…'`: everything is what it is, and a quote is doubled. */
function verbatim(text: string, at: number): Token {
  const quote = text[at + 1]!;
  let value = '';
  for (let next = at + 2; next < text.length; next++) {
    if (text[next] !== quote) value += text[next]!;
    else if (text[next + 1] === quote) value += text[next++]!;
    else return { kind: 'text', value, at, end: next + 1 };
  }
  throw new QueryError(at, `the text that begins here has no ${quote} at its end`);
}
