/** A bucket as it is to be written: keys with bytes, or with buckets. */
export interface BoltTree {
  [key: string]: string | Uint8Array | BoltTree;
}

const pageSize = 4096;

/**
 * A bbolt database with these buckets, as the program of that name writes it: small buckets inline, others on pages of their own,
 * under branches where one page does not hold them.
 */
export function boltOf(tree: BoltTree, { inlineBytes = 1024 } = {}): Uint8Array {
  const pages: Uint8Array[] = [];
  const place = (bytes: Uint8Array): number => {
    const count = Math.ceil(bytes.length / pageSize);
    const whole = Buffer.alloc(count * pageSize);
    whole.set(bytes);
    const id = 2 + pages.reduce((sum, page) => sum + page.length / pageSize, 0);
    whole.writeBigUInt64LE(BigInt(id), 0);
    whole.writeUInt32LE(count - 1, 12);
    pages.push(whole);
    return id;
  };
  const elements = (bucket: BoltTree): Leaf[] =>
    Object.entries(bucket)
      .map(([key, value]) => {
        if (typeof value === 'string') return { key: Buffer.from(key), value: Buffer.from(value), flags: 0 };
        if (value instanceof Uint8Array) return { key: Buffer.from(key), value: Buffer.from(value), flags: 0 };
        return { key: Buffer.from(key), value: bucketValue(value), flags: 1 };
      })
      .toSorted((one, other) => Buffer.compare(one.key, other.key));
  const bucketValue = (bucket: BoltTree): Buffer => {
    const leaves = elements(bucket);
    const inline = leafPage(leaves);
    const head = Buffer.alloc(16);
    if (inline.length <= inlineBytes && leaves.every(({ flags }) => flags === 0)) return Buffer.concat([head, inline]);
    head.writeBigUInt64LE(BigInt(placeTree(leaves)), 0);
    return head;
  };
  const placeTree = (leaves: Leaf[]): number => {
    let level = split(leaves, leafPage).map((some) => ({
      key: some[0]?.key ?? Buffer.alloc(0),
      page: place(leafPage(some)),
    }));
    while (level.length > 1) {
      level = split(level, branchPage).map((some) => ({ key: some[0]!.key, page: place(branchPage(some)) }));
    }
    return level[0]!.page;
  };

  const root = placeTree(elements(tree));
  const body = Buffer.concat(pages);
  const meta = (txid: number) => {
    const page = Buffer.alloc(pageSize);
    page.writeBigUInt64LE(BigInt(txid % 2), 0);
    page.writeUInt16LE(4, 8);
    page.writeUInt32LE(0xed0c_daed, 16);
    page.writeUInt32LE(2, 20);
    page.writeUInt32LE(pageSize, 24);
    page.writeBigUInt64LE(BigInt(root), 32);
    page.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 48);
    page.writeBigUInt64LE(BigInt(2 + body.length / pageSize), 56);
    page.writeBigUInt64LE(BigInt(txid), 64);
    page.writeBigUInt64LE(fnv(page.subarray(16, 72)), 72);
    return page;
  };
  return Buffer.concat([meta(2), meta(1), body]);
}

interface Leaf {
  key: Buffer;
  value: Buffer;
  flags: number;
}

interface Branch {
  key: Buffer;
  page: number;
}

/** As many as fit into a page each. */
function split<T>(items: T[], pageOf: (some: T[]) => Buffer): T[][] {
  const parts: T[][] = [];
  let part: T[] = [];
  for (const item of items) {
    if (part.length > 0 && pageOf([...part, item]).length > pageSize) {
      parts.push(part);
      part = [];
    }
    part.push(item);
  }
  return [...parts, part];
}

function leafPage(leaves: Leaf[]): Buffer {
  const head = Buffer.alloc(16 + leaves.length * 16);
  head.writeUInt16LE(2, 8);
  head.writeUInt16LE(leaves.length, 10);
  const data: Buffer[] = [];
  let offset = head.length;
  for (const [at, { key, value, flags }] of leaves.entries()) {
    const element = 16 + at * 16;
    head.writeUInt32LE(flags, element);
    head.writeUInt32LE(offset - element, element + 4);
    head.writeUInt32LE(key.length, element + 8);
    head.writeUInt32LE(value.length, element + 12);
    data.push(key, value);
    offset += key.length + value.length;
  }
  return Buffer.concat([head, ...data]);
}

function branchPage(branches: Branch[]): Buffer {
  const head = Buffer.alloc(16 + branches.length * 16);
  head.writeUInt16LE(1, 8);
  head.writeUInt16LE(branches.length, 10);
  let offset = head.length;
  for (const [at, { key, page }] of branches.entries()) {
    const element = 16 + at * 16;
    head.writeUInt32LE(offset - element, element);
    head.writeUInt32LE(key.length, element + 4);
    head.writeBigUInt64LE(BigInt(page), element + 8);
    offset += key.length;
  }
  return Buffer.concat([head, ...branches.map(({ key }) => key)]);
}

function fnv(bytes: Uint8Array): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100_0000_01b3n);
  return hash;
}
