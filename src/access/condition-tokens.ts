import { RegistryError } from '../errors/index.ts';

/** UTF-16 units. Azure takes 8 KB. */
export const maxConditionLength = 8_192;

export interface Token {
  kind: 'word' | 'text' | 'attribute' | 'sign' | 'end';
  /** Of a text without quotes, of an attribute what is between the brackets. */
  value: string;
  /** Where it begins, from 0. */
  at: number;
}

const patterns: readonly (readonly [Token['kind'], RegExp])[] = [
  ['text', /'([^'\p{Cc}]*)'/uy],
  ['attribute', /@Request\[([^\]'\s]*)\]/y],
  ['sign', /(&&|\|\||[(){}!,])/y],
  ['word', /([A-Za-z][A-Za-z:]*)/y],
];

/** Splits a condition. Throws BAD_REQUEST with the position of what is no token. */
export function tokensOf(text: string): Token[] {
  if (text.length > maxConditionLength) {
    throw conditionError(text, maxConditionLength, `at most ${maxConditionLength} characters`);
  }
  const tokens: Token[] = [];
  for (let at = skipSpace(text, 0); at < text.length;) {
    const token = tokenAt(text, at);
    tokens.push(token.token);
    at = skipSpace(text, token.end);
  }
  tokens.push({ kind: 'end', value: '', at: text.length });
  return tokens;
}

/** The refusal of a condition: what was expected where. The same is in `detail` for programs. */
export function conditionError(text: string, at: number, expected: string): RegistryError {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  const column = at - before.lastIndexOf('\n');
  const found = at >= text.length ? 'its end' : JSON.stringify(text.slice(at, at + 30));
  return new RegistryError('BAD_REQUEST', {
    message: `the condition is malformed at line ${line}, column ${column}: expected ${expected}, found ${found}`,
    detail: { position: at, expected },
  });
}

function tokenAt(text: string, at: number): { token: Token; end: number } {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) return { token: { kind, value: match[1]!, at }, end: pattern.lastIndex };
  }
  if (text[at] === "'") throw conditionError(text, at, "a text that ends with ' and has no control characters");
  if (text[at] === '@') throw conditionError(text, at, '@Request[…]; other attributes are not known here');
  throw conditionError(text, at, 'a word, a text in single quotes, @Request[…], or one of ( ) { } , ! && ||');
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
  return at;
}
