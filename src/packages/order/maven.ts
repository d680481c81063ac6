import { isDigit, isNumber, numberKey } from './sort-key.ts';

/** What is behind a dot or a hyphen. Where kinds differ at a place they decide: `.word` < `-word` < `-1` < `.1`. */
const kinds = { dotWord: 0, dashWord: 1, dashNumber: 2, dotNumber: 3 };

interface Token {
  kind: number;
  /** Compares with `<` as tokens of one kind do. */
  key: string;
}

/** A version of Maven, parsed. */
export type MavenVersion = readonly Token[];

/** Words in their order; others come after these. `a`, `b` and `m` are abbreviations when a number follows at once. */
const words = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp'];
const aliases: Readonly<Record<string, string>> = { cr: 'rc', ga: '', final: '', release: '' };
const abbreviations: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' };
const nothing = wordKey('');
const zero = numberKey('0');

/**
 * Divides a version at dots, hyphens and between digits and others, which counts as a hyphen; what is empty is 0 (pom
 * reference, "Version Order Specification"). What says nothing is left out at the end and before hyphens: 1.0-x is 1-x.
 */
export function parseMaven(version: string): MavenVersion {
  const text = version.toLowerCase();
  const tokens: Token[] = [];
  let dashed = false;
  let from = 0;
  for (let at = 0; at <= text.length; at++) {
    const separated = at === text.length || text[at] === '.' || text[at] === '-';
    const turns = at > from && !separated && isDigit(text.charCodeAt(at)) !== isDigit(text.charCodeAt(at - 1));
    if (!separated && !turns) continue;
    if (dashed) dropNothings(tokens);
    tokens.push(tokenOf(text.slice(from, at), dashed, turns));
    dashed = turns || text[at] === '-';
    from = turns ? at : at + 1;
  }
  dropNothings(tokens);
  return tokens;
}

function tokenOf(value: string, dashed: boolean, beforeNumber: boolean): Token {
  if (value === '' || isNumber(value)) {
    return { kind: dashed ? kinds.dashNumber : kinds.dotNumber, key: numberKey(value) };
  }
  const names = beforeNumber && Object.hasOwn(abbreviations, value) ? abbreviations : aliases;
  const word = Object.hasOwn(names, value) ? names[value]! : value;
  return { kind: dashed ? kinds.dashWord : kinds.dotWord, key: wordKey(word) };
}

function wordKey(word: string): string {
  const at = words.indexOf(word) + 1;
  return at === 0 ? String.fromCharCode(words.length + 1) + word : String.fromCharCode(at);
}

function dropNothings(tokens: Token[]): void {
  while (tokens.length > 1 && (tokens.at(-1)!.key === zero || tokens.at(-1)!.key === nothing)) tokens.pop();
}

/**
 * Maven's order. It is no total one, and cannot be: 2.0.rc1 is before 2.0, that is before 2.0-1, and that before 2.0.rc1,
 * all three as Maven has it. Each pair has one answer, whichever way it is asked.
 */
export function compareMaven(a: MavenVersion, b: MavenVersion): number {
  for (let at = 0; at < a.length || at < b.length; at++) {
    const [left, right] = [a[at], b[at]];
    const order = !left ? -againstNothing(right!) : !right ? againstNothing(left) : compareTokens(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

function compareTokens(a: Token, b: Token): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** A version that is shorter is filled up: with `.0` where the other has a number behind a dot, else with no word. */
function againstNothing({ kind, key }: Token): number {
  if (kind === kinds.dotNumber) return key === zero ? 0 : 1;
  if (kind === kinds.dashNumber) return 1;
  return key < nothing ? -1 : key > nothing ? 1 : 0;
}
