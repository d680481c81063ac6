import { importRefused } from '../import-error.ts';

export interface MemberLimits {
  /** Bytes of the value of one member. */
  memberBytes: number;
  members: number;
  /** Levels of the whole. */
  depth: number;
  /** At which level members are wanted: 1 for those of the object, 2 for those of the objects in it. */
  level: number;
}

/** A member, with the keys that lead to it. */
export interface Member {
  keys: string[];
  value: unknown;
}

const [quote, backslash, open, close, openList, closeList, comma] = ['"', '\\', '{', '}', '[', ']', ','].map((c) =>
  c.charCodeAt(0),
);

/**
 * The members of a JSON text that is an object, or an object of objects, each as it comes: of a text that is far too large to be
 * held. Throws AdvisoryImportError where it is none, or beyond the limits.
 */
export async function* readMembers(
  stream: AsyncIterable<Uint8Array>,
  { memberBytes, members: mostMembers, depth: mostDepth, level }: MemberLimits,
): AsyncGenerator<Member> {
  /** What was read since the last comma or brace of the levels that are looked at. */
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  const outer: string[] = [];
  let depth = 0;
  let inString = false;
  let escaped = false;
  let isOver = false;
  let members = 0;

  const keep = (bytes: Uint8Array) => {
    keptBytes += bytes.length;
    if (keptBytes > memberBytes) throw importRefused(`the JSON holds a part of more than ${memberBytes} bytes`);
    if (bytes.length > 0) kept.push(bytes.slice());
  };
  const take = (last: Uint8Array): string => {
    keep(last);
    const text = Buffer.concat(kept).toString();
    kept = [];
    keptBytes = 0;
    return text;
  };
  const memberIn = (text: string): Member => {
    if (++members > mostMembers) throw importRefused(`the JSON holds more than ${mostMembers} parts`);
    const [key, value] = entryIn(text);
    return { keys: [...outer, key], value };
  };

  for await (const chunk of stream) {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const code = chunk[at]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (code === backslash) escaped = true;
        else if (code === quote) inString = false;
      } else if (code === quote) {
        if (depth === 0) throw importRefused('the JSON is not an object');
        inString = true;
      } else if (code === open || code === openList) {
        if (isOver || (depth === 0 && code === openList)) throw importRefused('the JSON is not one object');
        if (++depth > mostDepth) throw importRefused(`the JSON is nested deeper than ${mostDepth} levels`);
        if (depth > level) continue;
        const before = take(chunk.subarray(from, at));
        from = at + 1;
        if (depth === 1) continue;
        if (code === openList) throw importRefused('the JSON is not an object of objects');
        outer.push(entryIn(`${before}0`)[0]);
      } else if (code === close || code === closeList) {
        if (--depth < 0) throw importRefused('the JSON is malformed');
        isOver = depth === 0;
        if (depth >= level) continue;
        const last = take(chunk.subarray(from, at));
        from = at + 1;
        if (depth === level - 1) {
          if (last.trim() !== '') yield memberIn(last);
          outer.pop();
        } else if (last.trim() !== '') throw importRefused('the JSON is not an object of objects');
      } else if (code === comma && depth <= level) {
        const text = take(chunk.subarray(from, at));
        from = at + 1;
        if (depth === level) yield memberIn(text);
        // Behind an object of the level above.
        else if (text.trim() !== '') throw importRefused('the JSON is not an object of objects');
      }
    }
    if (depth > 0) keep(chunk.subarray(from));
  }
  if (!isOver) throw importRefused('the JSON is cut off');
}

function entryIn(text: string): [string, unknown] {
  try {
    const [entry] = Object.entries(JSON.parse(`{${text}}`) as Record<string, unknown>);
    if (entry) return entry;
  } catch (error) {
    throw importRefused('the JSON is malformed', error);
  }
  throw importRefused('the JSON is malformed');
}
