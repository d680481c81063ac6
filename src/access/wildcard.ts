/** Whether a text is matched. */
export type Matcher = (text: string) => boolean;

interface WildcardOptions {
  /** `?` is any one character, and a backslash takes the meaning from `*` and `?`. */
  like?: boolean;
}

const many = Symbol('any characters');
const one = Symbol('any one character');
type Piece = string | typeof many | typeof one;

/**
 * Reads a pattern in which `*` stands for any characters, none included. Upper and lower case differ. Matching takes
 * at most the product of both lengths, whatever the pattern.
 */
export function compileWildcard(pattern: string, { like = false }: WildcardOptions = {}): Matcher {
  const pieces = piecesOf(pattern, like);
  if (pieces.every((piece) => typeof piece === 'string')) {
    const literal = pieces.join('');
    return (text) => text === literal;
  }
  return (text) => matches(pieces, text);
}

/** As `compileWildcard`, with upper and lower case alike, as ARM compares the names of actions. */
export function compileActionPattern(pattern: string): Matcher {
  const matcher = compileWildcard(pattern.toLowerCase());
  return (action) => matcher(action.toLowerCase());
}

export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*');
}

function piecesOf(pattern: string, like: boolean): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    const next = pattern[at + 1];
    if (like && character === '\\' && (next === '*' || next === '?')) {
      pieces.push(next);
      at++;
    } else if (character === '*') {
      if (pieces.at(-1) !== many) pieces.push(many);
    } else pieces.push(like && character === '?' ? one : character);
  }
  return pieces;
}

/** Goes on after the last `*` with one more character taken by it, where what follows does not fit. */
function matches(pieces: readonly Piece[], text: string): boolean {
  let piece = 0;
  let at = 0;
  let lastMany = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const wanted = pieces[piece];
    if (wanted === many) {
      lastMany = piece++;
      resumeAt = at;
    } else if (wanted === one || wanted === text[at]) {
      piece++;
      at++;
    } else if (lastMany < 0) return false;
    else {
      piece = lastMany + 1;
      at = ++resumeAt;
    }
  }
  return pieces.length === piece || (pieces.length === piece + 1 && pieces[piece] === many);
}
