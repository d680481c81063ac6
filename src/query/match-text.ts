import { mostSearched, mostSought } from './bounds.ts';
import { textOf, type Value } from './values.ts';

type Match = (text: string, sought: string) => boolean;

const letter = /[\p{L}\p{N}]/u;

/** Whether a text has a word, that is a run of letters and digits with none beside it. */
function hasTerm(text: string, sought: string, { before, after }: { before: boolean; after: boolean }): boolean {
  if (sought === '') return true;
  for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + 1)) {
    const isFree = (beside: string | undefined) => beside === undefined || !letter.test(beside);
    if ((!before || isFree(text[at - 1])) && (!after || isFree(text[at + sought.length]))) return true;
  }
  return false;
}

const exact: Readonly<Record<string, Match>> = {
  contains: (text, sought) => text.includes(sought),
  startswith: (text, sought) => text.startsWith(sought),
  endswith: (text, sought) => text.endsWith(sought),
  has: (text, sought) => hasTerm(text, sought, { before: true, after: true }),
  hasprefix: (text, sought) => hasTerm(text, sought, { before: true, after: false }),
  hassuffix: (text, sought) => hasTerm(text, sought, { before: false, after: true }),
};

/**
 * What an operator of texts says of a value, such as `has` or `!startswith_cs`; undefined where there is none of that name. Of
 * an array it says whether it is so of an element, of other values that are no texts, of their JSON. It looks at
 * `mostSearched` characters, and finds nothing that is longer than `mostSought`: naive search takes the product of both.
 */
export function textMatcher(operator: string): ((value: Value, sought: string) => boolean) | undefined {
  const isNot = operator.startsWith('!');
  const name = isNot ? operator.slice(1) : operator;
  const isExact = name.endsWith('_cs');
  const match = exact[isExact ? name.slice(0, -3) : name];
  if (!match) return undefined;
  const told: Match = isExact ? match : (text, sought) => match(text.toLowerCase(), sought.toLowerCase());
  return (value, sought) => {
    if (sought.length > mostSought) return isNot;
    return textsOf(value).some((text) => told(text.slice(0, mostSearched), sought)) !== isNot;
  };
}

/** The texts that a value is looked for in: an array's are its elements. */
export function textsOf(value: Value): string[] {
  return Array.isArray(value) ? (value as readonly Value[]).map(textOf) : [textOf(value)];
}
