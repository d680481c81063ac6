import { mostDepth } from './bounds.ts';
import { type Token, tokensOf } from './lexer.ts';
import { QueryError } from './query-error.ts';

/** The words and signs of a query, one after the other. */
export interface TokenReader {
  /** The one that comes next. */
  readonly next: Token;
  /** What comes right behind it. */
  readonly behind: Token | undefined;
  take(): Token;
  isSign(text: string): boolean;
  isName(text: string): boolean;
  /** Takes the sign if it comes next. */
  takeSign(text: string): boolean;
  takeName(text: string): boolean;
  /** Throws QueryError where it does not come next. */
  requireSign(text: string): Token;
  refuse(expected: string): QueryError;
  /** Runs `inner` one level deeper. Throws QueryError beyond `mostDepth`. */
  deeper<T>(inner: () => T): T;
}

export function readTokens(text: string): TokenReader {
  const tokens = tokensOf(text);
  let at = 0;
  let depth = 0;
  const next = () => tokens[at]!;
  const isSign = (sign: string) => textOf(next(), 'sign') === sign;
  const isName = (name: string) => textOf(next(), 'name') === name;
  const take = () => (next().kind === 'end' ? next() : tokens[at++]!);
  const refuse = (expected: string) =>
    new QueryError(next().at, `${expected} is expected here, not ${saying(next(), text)}`);
  return {
    get next() {
      return next();
    },
    get behind() {
      return tokens[at + 1];
    },
    take,
    isSign,
    isName,
    takeSign: (sign) => isSign(sign) && take() !== undefined,
    takeName: (name) => isName(name) && take() !== undefined,
    requireSign(sign) {
      if (isSign(sign)) return take();
      throw refuse(sign);
    },
    refuse,
    deeper(inner) {
      if (++depth > mostDepth)
        throw new QueryError(next().at, `a query is nested ${mostDepth} levels deep at most; take some of it apart`);
      const value = inner();
      depth--;
      return value;
    },
  };
}

const textOf = (token: Token, kind: 'name' | 'sign') => (token.kind === kind ? token.text : undefined);

function saying({ kind, at, end }: Token, text: string): string {
  if (kind === 'end') return 'the end of the query';
  const said = text.slice(at, end);
  return said.length > 40 ? `${said.slice(0, 40)}…` : said;
}
