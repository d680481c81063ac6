/** A string or template literal. `${…}` in it reads as `?`. */
export interface Literal {
  at: number;
  text: string;
}

export interface Import {
  specifier: string;
  line: number;
  /** `augment` is `declare module '…'`; `worker` names a file that runs in a thread of its own. */
  kind: 'import' | 'dynamic' | 'augment' | 'worker';
}

/** What the rules need to know of a source file. TypeScript 7 has no parser to call, so this reads tokens. */
export interface Source {
  /** The text with comments and the insides of literals blanked: same length, same lines. */
  code: string;
  literals: Literal[];
  imports: Import[];
  lines: number;
  lineAt(position: number): number;
}

export function readSource(text: string): Source {
  const { code, literals } = blank(text);
  const lineAt = (position: number) => text.slice(0, position).split('\n').length;
  const byPosition = new Map(literals.map((literal) => [literal.at, literal.text]));
  const imports: Import[] = [];
  const forms: [Import['kind'], RegExp][] = [
    ['import', /\b(?:import|export)\b[^'"`;()]*?\bfrom\s*(?=['"])/g],
    ['import', /\bimport\s*(?=['"])/g],
    ['dynamic', /\bimport\s*\(\s*(?=['"`])/g],
    ['worker', /\bnew\s+URL\s*\(\s*(?=['"`])(?=[^)]*import\.meta\.url)/g],
    ['augment', /\bdeclare\s+module\s*(?=['"])/g],
  ];
  for (const [kind, form] of forms) {
    for (const found of code.matchAll(form)) {
      const specifier = byPosition.get(found.index + found[0].length);
      if (specifier !== undefined) imports.push({ kind, specifier, line: lineAt(found.index + found[0].length) });
    }
  }
  return { code, literals, imports, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0), lineAt };
}

function blank(text: string): { code: string; literals: Literal[] } {
  const out = text.split('');
  const literals: Literal[] = [];
  const erase = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (out[i] !== '\n') out[i] = ' ';
  };
  /** Reads code up to the end, or to the brace that closes a template's `${`. Returns where it stopped. */
  const readCode = (from: number, nested: boolean): number => {
    let depth = 0;
    let at = from;
    while (at < text.length) {
      const two = text.slice(at, at + 2);
      const char = text[at]!;
      if (two === '//' || two === '/*') {
        const end = two === '//' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2;
        const stop = end < at + 2 ? text.length : end;
        erase(at, stop);
        at = stop;
      } else if (char === "'" || char === '"') {
        at = readQuoted(at, char);
      } else if (char === '`') {
        at = readTemplate(at);
      } else if (char === '/' && startsRegex(out.slice(Math.max(0, at - 40), at).join(''))) {
        at = readRegex(at);
      } else {
        if (char === '{') depth++;
        if (char === '}' && nested && depth === 0) return at;
        if (char === '}') depth--;
        at++;
      }
    }
    return at;
  };
  const readQuoted = (from: number, quote: string): number => {
    let at = from + 1;
    while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
    literals.push({ at: from, text: text.slice(from + 1, at) });
    erase(from + 1, at);
    return at + 1;
  };
  const readTemplate = (from: number): number => {
    let at = from + 1;
    let value = '';
    let start = at;
    while (at < text.length && text[at] !== '`') {
      if (text.startsWith('${', at)) {
        value += `${text.slice(start, at)}?`;
        erase(start, at);
        at = readCode(at + 2, true) + 1;
        start = at;
      } else {
        at += text[at] === '\\' ? 2 : 1;
      }
    }
    literals.push({ at: from, text: value + text.slice(start, at) });
    erase(start, at);
    return at + 1;
  };
  const readRegex = (from: number): number => {
    let at = from + 1;
    let inClass = false;
    while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
      if (text[at] === '[') inClass = true;
      if (text[at] === ']') inClass = false;
      at += text[at] === '\\' ? 2 : 1;
    }
    erase(from + 1, at);
    return at + 1;
  };
  readCode(0, false);
  return { code: out.join(''), literals };
}

/** A slash after a value divides; anywhere else it begins a regular expression. */
function startsRegex(before: string): boolean {
  const last = before.trimEnd();
  if (last === '' || '([{,;:=!&|?+-*%<>~^'.includes(last.at(-1)!)) return true;
  return /\b(?:return|typeof|case|in|of|do|else|void|yield|await|throw)$/.test(last);
}
