/** One system call of a trace, once it has returned. */
export interface Call {
  name: string;
  /** The file or connection of its first argument: what `-yy` says of a descriptor, else the path as it was given. */
  subject: string;
  /** Where a rename leads. */
  target: string;
  arguments: string;
  result: number;
  /** Places in the trace: a call ended before another began if its `ended` is smaller than the other's `began`. */
  began: number;
  ended: number;
}

const entry = /^(\d+)\s+(?:\d+\.\d+\s+)?(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$/s;

/**
 * Reads what `strace -f -yy -o FILE` wrote. The tracer writes a line when a call begins and when it returns, and the
 * thread waits for it both times, so that the order of lines is the order of events, whichever thread they are of.
 */
export function parseTrace(text: string): Call[] {
  const open = new Map<string, { name: string; began: number; text: string }>();
  const calls: Call[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    const match = entry.exec(line);
    if (!match) continue;
    const [, thread, resumed, started, rest] = match as unknown as [string, string, string?, string?, string?];
    const before = open.get(thread);
    if (resumed !== undefined && before?.name !== resumed) continue;
    const begun = started === undefined ? before! : { name: started, began: at, text: '' };
    const unfinished = /\s*<unfinished \.\.\.>$/.exec(rest!);
    begun.text += unfinished ? rest!.slice(0, unfinished.index) : rest!;
    if (unfinished) {
      open.set(thread, begun);
      continue;
    }
    open.delete(thread);
    calls.push({ ...readCall(begun.text), name: begun.name, began: begun.began, ended: at });
  }
  return calls.toSorted((a, b) => a.began - b.began);
}

function readCall(text: string): Pick<Call, 'subject' | 'target' | 'arguments' | 'result'> {
  const end = text.lastIndexOf(') = ');
  const given = end === -1 ? text : text.slice(0, end);
  const descriptor = /^\d+<(.*?)>(?:,|$)/s.exec(given);
  const paths = [...given.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1]!);
  return {
    subject: descriptor ? descriptor[1]! : (paths[0] ?? ''),
    target: descriptor ? '' : (paths[1] ?? ''),
    arguments: given,
    result: end === -1 ? Number.NaN : Number.parseInt(text.slice(end + 4), 10),
  };
}
