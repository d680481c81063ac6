const longest = 240;
const most = 20;

/**
 * The names of what failed in the output of a suite, each with the first line of its error: what one wants to read
 * where only the end of a long log is kept. `bun test` says `(fail) NAME` after the error, scripts `FAIL NAME`; one may
 * have run the other, and shown its output indented.
 */
export function failuresIn(output: string): string[] {
  const found: string[] = [];
  let error = '';
  for (const line of output.split('\n')) {
    const text = line.trim();
    if (/^(?:error|[A-Z]\w*Error)\b/.test(text) && error === '') error = text;
    const failed = /^\(fail\) (.+)$/.exec(text)?.[1] ?? /^FAIL +(.+)$/.exec(text)?.[1];
    if (failed !== undefined) {
      found.push((error === '' ? failed : `${failed}: ${error}`).slice(0, longest));
      error = '';
    }
    if (/^\((?:pass|skip)\) /.test(text)) error = '';
  }
  return found.length > most ? [...found.slice(0, most), `… and ${found.length - most} others`] : found;
}
