export interface DoubleHeader {
  name: string;
  version?: string;
  release?: string;
  epoch?: number;
  arch?: string;
  sourceRpm?: string;
  licence?: string;
  modularityLabel?: string;
  /** Something long that nobody reads: a description. */
  filling?: number;
}

/** A header as databases of rpm keep it; `header.ts` has the drawing. */
export function headerBytes(header: DoubleHeader): Buffer {
  const {
    name,
    version = '1.0',
    release = '1.el9',
    epoch,
    arch = 'x86_64',
    sourceRpm,
    licence,
    modularityLabel,
  } = header;
  const texts: [tag: number, text: string | undefined][] = [
    [1000, name],
    [1001, version],
    [1002, release],
    [1005, 'x'.repeat(header.filling ?? 10)],
    [1014, licence],
    [1022, arch],
    [1044, sourceRpm],
    [5096, modularityLabel],
  ];
  const index: Buffer[] = [];
  const values: Buffer[] = [];
  let offset = 0;
  const add = (tag: number, type: number, value: Buffer) => {
    const entry = Buffer.alloc(16);
    [tag, type, offset, 1].forEach((number, at) => entry.writeUInt32BE(number, at * 4));
    index.push(entry);
    values.push(value);
    offset += value.length;
  };
  if (epoch !== undefined) {
    const value = Buffer.alloc(4);
    value.writeUInt32BE(epoch);
    add(1003, 4, value);
  }
  for (const [tag, text] of texts) if (text !== undefined) add(tag, 6, Buffer.from(`${text}\0`));
  const start = Buffer.alloc(8);
  start.writeUInt32BE(index.length, 0);
  start.writeUInt32BE(offset, 4);
  return Buffer.concat([start, ...index, ...values]);
}
