export interface ByteRange {
  start: number;
  /** Inclusive. */
  end: number;
}

/**
 * One `Range` of a representation of `size` bytes (RFC 9110 §14.1-14.2). Undefined means: ignore the header and send
 * everything, which is right for other units, several ranges and bad syntax, and for empty content, of which no part
 * can be named. `500-0` and a start at or beyond the end are unsatisfiable.
 */
export function parseRange(header: string | null, size: number): ByteRange | 'unsatisfiable' | undefined {
  if (header === null || header.length > 64 || size === 0) return undefined;
  const match = /^bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*$/i.exec(header);
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    const suffix = clamp(last);
    if (suffix === 0) return 'unsatisfiable';
    return { start: Math.max(0, size - suffix), end: size - 1 };
  }
  const start = clamp(first);
  const end = last === '' ? size - 1 : Math.min(clamp(last), size - 1);
  if (start >= size || end < start) return 'unsatisfiable';
  return { start, end };
}

/**
 * The `Content-Range` of an upload chunk: `<start>-<end>` (distribution-spec "Pushing a blob in chunks"), also in
 * the RFC 9110 form `bytes <start>-<end>/<size or *>` that some clients send.
 */
export function parseContentRange(header: string | null): ByteRange | 'invalid' | undefined {
  if (header === null) return undefined;
  if (header.length > 96) return 'invalid';
  const match = /^(?:bytes[ =])?([0-9]{1,16})-([0-9]{1,16})(?:\/(?:\*|[0-9]{1,16}))?$/.exec(header.trim());
  if (!match) return 'invalid';
  const start = Number(match[1]);
  const end = Number(match[2]);
  // `0--1` cannot be written, so an empty chunk has no Content-Range; an end before its start is a mistake.
  return Number.isSafeInteger(start) && Number.isSafeInteger(end) && end >= start ? { start, end } : 'invalid';
}

function clamp(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
