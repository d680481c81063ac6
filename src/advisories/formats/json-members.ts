import { importRefused } from '../import-error.ts';

export interface MemberLimits {
  /** Bytes of the value of one member. */
  memberBytes: number;
  members: number;
  /** Levels of one value. */
  depth: number;
}

const [quote, backslash, open, close, openList, closeList, comma] = ['"', '\\', '{', '}', '[', ']', ','].map((c) =>
  c.charCodeAt(0),
);

/**
 * The members of the one object of a JSON text, each as it comes: of a text that is far too large to be held. Throws
 * AdvisoryImportError where it is none, or beyond the limits.
 */
export async function* readMembers(
  stream: AsyncIterable<Uint8Array>,
  limits: MemberLimits,
): AsyncGenerator<[key: string, value: unknown]> {
  /** Of the member that is being read. */
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let depth = 0;
  let inString = false;
  let escaped = false;
  let isOver = false;
  let members = 0;

  const take = (bytes: Uint8Array) => {
    keptBytes += bytes.length;
    if (keptBytes > limits.memberBytes)
      throw importRefused(`the JSON holds a part of more than ${limits.memberBytes} bytes`);
    if (bytes.length > 0) kept.push(bytes.slice());
  };
  const member = (): [string, unknown] | undefined => {
    const text = Buffer.concat(kept).toString();
    kept = [];
    keptBytes = 0;
    if (text.trim() === '') return undefined;
    if (++members > limits.members) throw importRefused(`the JSON holds more than ${limits.members} parts`);
    return memberOf(text);
  };

  for await (const chunk of stream) {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const code = chunk[at]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (code === backslash) escaped = true;
        else if (code === quote) inString = false;
        continue;
      }
      if (code === quote) {
        if (depth === 0) throw importRefused('the JSON is not an object');
        inString = true;
      } else if (code === open || code === openList) {
        if (isOver || (depth === 0 && code === openList)) throw importRefused('the JSON is not one object');
        if (++depth > limits.depth) throw importRefused(`the JSON is nested deeper than ${limits.depth} levels`);
        if (depth === 1) from = at + 1;
      } else if (code === close || code === closeList) {
        if (--depth < 0) throw importRefused('the JSON is malformed');
        if (depth > 0) continue;
        take(chunk.subarray(from, at));
        const last = member();
        if (last) yield last;
        isOver = true;
      } else if (code === comma && depth === 1) {
        take(chunk.subarray(from, at));
        from = at + 1;
        const next = member();
        if (!next) throw importRefused('the JSON is malformed');
        yield next;
      }
    }
    if (depth > 0) take(chunk.subarray(from));
  }
  if (!isOver) throw importRefused('the JSON is cut off');
}

function memberOf(text: string): [string, unknown] {
  try {
    const [entry] = Object.entries(JSON.parse(`{${text}}`) as Record<string, unknown>);
    if (entry) return entry;
  } catch (error) {
    throw importRefused('the JSON is malformed', error);
  }
  throw importRefused('the JSON is malformed');
}
