/** Characters of one failure, of all of them, and of a line of an error; how many are named. */
const longest = 900;
const longestOfAll = 4_800;
const longestLine = 160;
const most = 20;

/**
 * The names of what failed in the output of a suite, each with its error and what caused it: what one wants to read
 * where only the end of a long log is kept. `bun test` says `(fail) NAME` after the error, scripts `FAIL NAME`; one may
 * have run the other, and shown its output indented.
 */
export function failuresIn(output: string): string[] {
  const found: string[] = [];
  const names = new Set<string>();
  let errors: string[] = [];
  let isWithin = false;
  for (const line of output.split('\n')) {
    const text = line.trim();
    const begins = /^(?:error|[A-Z]\w*Error)\b/.test(text);
    // The source that is shown before an error, and its stack behind it.
    const isAround = /^(?:\d+ \||at |\^$|Hint:)/.test(text);
    isWithin = begins || (isWithin && !isAround);
    if (/^\((?:pass|skip)\) /.test(text)) {
      errors = [];
      isWithin = false;
    }
    const failed = /^\(fail\) (.+)$/.exec(text)?.[1] ?? /^FAIL +(.+)$/.exec(text)?.[1];
    if (failed !== undefined) {
      // At the end, `bun test` names all of them again.
      if (!names.has(failed)) found.push([failed, ...errors].join(' | '));
      names.add(failed);
      errors = [];
      isWithin = false;
    } else if (isWithin && text !== '') errors.push(text.slice(0, longestLine));
  }
  const named = found.slice(0, most);
  const each = Math.min(longest, Math.floor(longestOfAll / named.length));
  const lines = named.map((failure) => failure.slice(0, each));
  return found.length > most ? [...lines, `… and ${found.length - most} others`] : lines;
}
