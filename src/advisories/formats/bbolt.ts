import { importRefused } from '../import-error.ts';
import type { ByteSource } from './byte-source.ts';

/*
 * Reads a bbolt database, such as trivy.db, where it lies, page by page (go.etcd.io/bbolt, page.go and bucket.go):
 *
 *   page    id u64  flags u16  count u16  overflow u32 | elements | keys and values       numbers are little-endian
 *   meta    magic u32  version u32  pageSize u32  flags u32  root u64  sequence u64  freelist u64  pages u64  txid u64  FNV-64a
 *   branch  pos u32  ksize u32  page u64                 key at the element's start + pos
 *   leaf    flags u32  pos u32  ksize u32  vsize u32     value behind the key; flags 1: a bucket
 *   bucket  root u64  sequence u64  [page, where root is 0]
 *
 * A forged one costs no more than its size: pages lie in the file, levels are few, and pages are walked a few times in all.
 */

export interface Bucket {
  /** The value of a key; undefined where there is none, or it is a bucket. */
  get(key: string): Promise<Uint8Array | undefined>;
  bucket(key: string): Promise<Bucket | undefined>;
  /** All keys in order, each with its value, or as a bucket. */
  entries(): AsyncGenerator<BucketEntry>;
}

export type BucketEntry =
  | { key: string; value: Uint8Array; bucket?: undefined }
  | { key: string; value?: undefined; bucket: Bucket };

const magic = 0xed0c_daed;
const pageHeader = 16;
const branchFlag = 1;
const leafFlag = 2;
const metaFlag = 4;
const bucketFlag = 1;
const mostLevels = 32;
/** How often all pages may be walked in all: buckets may be read again, and never without end. */
const mostWalks = 16;
const mostPageBytes = 64 * 1024 * 1024;
const cachedPages = 256;
/** Larger ones are read each time. */
const mostCachedBytes = 32 * 1024;
/** How often all bytes may be read in all: keys are looked up one by one, and a page of one may have tens of megabytes. */
const mostReads = 256;

interface Page {
  bytes: Uint8Array;
  view: DataView;
  flags: number;
  count: number;
}

/** The root bucket. Throws AdvisoryImportError where it is no such database. */
export async function openBolt(source: ByteSource): Promise<Bucket> {
  const { pageSize, root } = await findMeta(source);
  const pageCount = Math.floor(source.size / pageSize);
  const cache = new Map<number, Page>();
  let walked = 0;
  let readBytes = 0;

  async function pageAt(id: number): Promise<Page> {
    if (!(id >= 2 && id < pageCount)) throw broken('a page lies behind its end');
    const known = cache.get(id);
    if (known) return known;
    const head = viewOf(await source.read(id * pageSize, pageHeader));
    const length = (head.getUint32(12, true) + 1) * pageSize;
    if (length > mostPageBytes) throw broken('a page is too large');
    readBytes += length;
    if (readBytes > mostReads * source.size) throw broken('its pages are read again and again');
    const page = readPage(await source.read(id * pageSize, length));
    // Small ones, most of which are branches, come again and again.
    if (length <= mostCachedBytes) {
      if (cache.size >= cachedPages) cache.delete(cache.keys().next().value!);
      cache.set(id, page);
    }
    return page;
  }

  function bucketAt(rootId: number, inline: Page | undefined): Bucket {
    const start = () => inline ?? pageAt(rootId);

    async function find(key: Uint8Array) {
      let page = await start();
      for (let level = 0; ; level++) {
        if (level > mostLevels) throw broken('it has too many levels');
        const isLeaf = (page.flags & leafFlag) !== 0;
        const at = lastNotAfter(page, key);
        if (isLeaf) {
          const element = at < 0 ? undefined : leafAt(page, at);
          return element && Buffer.compare(element.key, key) === 0 ? element : undefined;
        }
        page = await pageAt(branchAt(page, Math.max(at, 0)).page);
      }
    }

    async function* walk(page: Page, level: number): AsyncGenerator<BucketEntry> {
      if (level > mostLevels) throw broken('it has too many levels');
      // Inline buckets have none, and there may be some hundred on each.
      if (page !== inline && ++walked > mostWalks * pageCount) throw broken('its pages lead to each other');
      for (let at = 0; at < page.count; at++) {
        if ((page.flags & leafFlag) !== 0) {
          const element = leafAt(page, at);
          const key = textOf(element.key);
          yield element.isBucket ? { key, bucket: bucketOf(element.value) } : { key, value: element.value };
        } else yield* walk(await pageAt(branchAt(page, at).page), level + 1);
      }
    }

    return {
      async get(key) {
        const found = await find(Buffer.from(key));
        return found && !found.isBucket ? found.value : undefined;
      },
      async bucket(key) {
        const found = await find(Buffer.from(key));
        return found?.isBucket ? bucketOf(found.value) : undefined;
      },
      async *entries() {
        yield* walk(await start(), 0);
      },
    };
  }

  function bucketOf(value: Uint8Array): Bucket {
    if (value.length < 16) throw broken('a bucket is cut off');
    const id = wide(viewOf(value), 0);
    return bucketAt(id, id === 0 ? readPage(value.subarray(16)) : undefined);
  }

  return bucketAt(root, undefined);
}

async function findMeta(source: ByteSource): Promise<{ pageSize: number; root: number }> {
  const first = await metaAt(source, 0);
  // Where the first one was torn, its size is not known: those that systems have are tried.
  const sizes = first ? [first.pageSize] : [4096, 16_384, 65_536, 8192];
  let newest = first;
  for (const size of sizes) {
    const second = await metaAt(source, size);
    if (second && second.pageSize === size && (!newest || second.txid > newest.txid)) newest = second;
  }
  if (!newest) throw importRefused('the file is no bbolt database, or it is cut off');
  return newest;
}

async function metaAt(source: ByteSource, position: number) {
  if (position + pageHeader + 64 > source.size) return undefined;
  const bytes = (await source.read(position, pageHeader + 64)).slice();
  const view = viewOf(bytes);
  const isMeta = (view.getUint16(8, true) & metaFlag) !== 0 && view.getUint32(16, true) === magic;
  if (!isMeta || view.getUint32(20, true) !== 2 || view.getBigUint64(72, true) !== fnv64a(bytes.subarray(16, 72)))
    return undefined;
  const pageSize = view.getUint32(24, true);
  if (pageSize < 512 || pageSize > 1024 * 1024 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  return { pageSize, root: wide(view, 32), txid: view.getBigUint64(64, true) };
}

function readPage(bytes: Uint8Array): Page {
  if (bytes.length < pageHeader) throw broken('a page is cut off');
  const view = viewOf(bytes);
  const flags = view.getUint16(8, true);
  const count = view.getUint16(10, true);
  if ((flags & (branchFlag | leafFlag)) === 0) throw broken('a page is of no kind that holds keys');
  if (pageHeader + count * 16 > bytes.length) throw broken('a page has more elements than it holds');
  if ((flags & branchFlag) !== 0 && count === 0) throw broken('a branch leads nowhere');
  return { bytes, view, flags: (flags & leafFlag) === 0 ? branchFlag : leafFlag, count };
}

function branchAt({ bytes, view }: Page, at: number): { key: Uint8Array; page: number } {
  const start = pageHeader + at * 16;
  const key = sliceOf(bytes, start + view.getUint32(start, true), view.getUint32(start + 4, true));
  return { key, page: wide(view, start + 8) };
}

function leafAt({ bytes, view }: Page, at: number): { key: Uint8Array; value: Uint8Array; isBucket: boolean } {
  const start = pageHeader + at * 16;
  const [flags, pos, keyLength, valueLength] = [0, 4, 8, 12].map((offset) => view.getUint32(start + offset, true));
  const key = sliceOf(bytes, start + pos!, keyLength!);
  const value = sliceOf(bytes, start + pos! + keyLength!, valueLength!);
  return { key, value, isBucket: (flags! & bucketFlag) !== 0 };
}

function keyAt(page: Page, at: number): Uint8Array {
  return (page.flags === leafFlag ? leafAt(page, at) : branchAt(page, at)).key;
}

/** The last element whose key is not after one; -1 where all are. */
function lastNotAfter(page: Page, key: Uint8Array): number {
  let low = 0;
  let high = page.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(keyAt(page, middle), key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function sliceOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  if (start + length > bytes.length) throw broken('a key or a value lies behind its page');
  return bytes.subarray(start, start + length);
}

function fnv64a(bytes: Uint8Array): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100_0000_01b3n) & 0xffff_ffff_ffff_ffffn;
  return hash;
}

function wide(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw broken('a number in it is too large');
  return Number(value);
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const textOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
const broken = (what: string) => importRefused(`the bbolt database cannot be read: ${what}`);
