import { decodeText } from './text.ts';

/** What PAX records say that matters here. */
export interface PaxRecords {
  path?: string;
  linkPath?: string;
  size?: number;
  sparse: SparseRecords;
}

/** `GNU.sparse.*` (GNU tar manual, "PAX Format"): three versions of it. */
export interface SparseRecords {
  major?: string;
  minor?: string;
  name?: string;
  realSize?: string;
  /** Of 0.1: offsets and lengths, all divided by commas. */
  map?: string;
  /** Of 0.0, in order. */
  offsets: string[];
  lengths: string[];
}

const space = 0x20;
const equals = 0x3d;
const lineFeed = 0x0a;

/**
 * The records of an extended header: `LENGTH KEY=VALUE\n`, where the length counts all of it. Undefined where one is not
 * so, or says a path with NUL in it or a size that is none, as Go's archive/tar has it.
 */
export function parsePax(bytes: Uint8Array): PaxRecords | undefined {
  const records: PaxRecords = { sparse: { offsets: [], lengths: [] } };
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(space, at);
    if (blank < 0 || blank - at > 10) return undefined;
    const digits = decodeText(bytes.subarray(at, blank));
    if (!/^[0-9]+$/.test(digits)) return undefined;
    const end = at + Number(digits);
    const equal = bytes.indexOf(equals, blank);
    if (end > bytes.length || equal < 0 || equal >= end - 1 || bytes[end - 1] !== lineFeed) return undefined;
    const key = decodeText(bytes.subarray(blank + 1, equal));
    if (!keep(records, key, bytes.subarray(equal + 1, end - 1))) return undefined;
    at = end;
  }
  return records;
}

/** False where the value makes the header one that no engine takes. */
function keep(records: PaxRecords, key: string, value: Uint8Array): boolean {
  if (key === 'path' || key === 'linkpath' || key === 'GNU.sparse.name') {
    if (value.includes(0)) return false;
    const text = decodeText(value);
    if (key === 'GNU.sparse.name') records.sparse.name = text;
    else if (key === 'path') set(records, 'path', text);
    else set(records, 'linkPath', text);
    return true;
  }
  if (key === 'size') {
    const text = decodeText(value.subarray(0, 20));
    if (text === '') delete records.size;
    else if (/^[0-9]{1,16}$/.test(text)) records.size = Number(text);
    else return false;
    return records.size === undefined || Number.isSafeInteger(records.size);
  }
  if (key.startsWith('GNU.sparse.')) keepSparse(records.sparse, key.slice('GNU.sparse.'.length), decodeText(value));
  return true;
}

/** An empty value takes back what was said before. */
function set(records: PaxRecords, key: 'path' | 'linkPath', text: string): void {
  if (text === '') delete records[key];
  else records[key] = text;
}

function keepSparse(sparse: SparseRecords, key: string, value: string): void {
  if (key === 'major') sparse.major = value;
  if (key === 'minor') sparse.minor = value;
  if (key === 'map') sparse.map = value;
  if (key === 'size' || key === 'realsize') sparse.realSize = value;
  if (key === 'offset') sparse.offsets.push(value);
  if (key === 'numbytes') sparse.lengths.push(value);
}
