import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateRawSync } from 'node:zlib';

/** A zip with these files, packed where nothing else is said. */
export function zipOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  { stored = false }: { stored?: boolean } = {},
): Uint8Array {
  const locals: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const packed = stored ? bytes : deflateRawSync(bytes);
    const title = Buffer.from(name);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt16LE(stored ? 0 : 8, 4);
    facts.writeUInt32LE(Bun.hash.crc32(bytes), 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(bytes.length, 18);
    facts.writeUInt16LE(title.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), facts, title, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), facts, tail, title]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x0605_4b50, 0);
  end.writeUInt16LE(central.length, 8);
  end.writeUInt16LE(central.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

export interface OsvFixture {
  id: string;
  modified?: string;
  withdrawn?: string;
}

/** A mirror of advisories on the loopback address, as OSV's bucket is laid out, with everything that goes wrong on the way. */
export async function startMirror() {
  const files = new Map<string, { bytes: Uint8Array; etag: string }>();
  const asked: string[] = [];
  /** What is done to a path in place of an answer, so many times. */
  const troubles = new Map<string, { kind: Trouble; left: number }>();

  const meanwhiles = new Map<string, () => Promise<unknown>>();
  const server = createServer((request, response) => void answer(request, response));
  async function answer(request: IncomingMessage, response: ServerResponse) {
    const path = decodeURIComponent(new URL(request.url!, base).pathname);
    asked.push(path);
    const meanwhile = meanwhiles.get(path);
    meanwhiles.delete(path);
    await meanwhile?.();
    const file = files.get(path.replace(/^\/moved/, ''));
    const trouble = troubles.get(path);
    if (trouble && trouble.left-- > 0) return giveTrouble(trouble.kind, response, path, file?.bytes);
    if (!file) return response.writeHead(404).end('nothing');
    if (request.headers['if-none-match'] === file.etag) return response.writeHead(304).end();
    return response.writeHead(200, { etag: file.etag, 'content-length': file.bytes.length }).end(file.bytes);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function giveTrouble(kind: Trouble, response: ServerResponse, path: string, bytes: Uint8Array = new Uint8Array()) {
    if (kind === 'fails') return response.writeHead(500).end('sorry');
    if (kind === 'forbids') return response.writeHead(403).end('no');
    if (kind === 'moves') return response.writeHead(302, { location: `${base}/moved${path}` }).end();
    if (kind === 'leads inside')
      return response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end();
    response.writeHead(200, { 'content-length': bytes.length });
    const half = bytes.subarray(0, bytes.length / 2);
    // What stalls goes on as long as its client waits.
    return response.write(half, () => void (kind === 'breaks off' && response.destroy()));
  }

  const put = (path: string, content: string | Uint8Array) => {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    files.set(path, { bytes, etag: `"${Bun.hash(bytes).toString(16)}"` });
  };
  return {
    base,
    host: '127.0.0.1',
    put,
    remove: (path: string) => void files.delete(path),
    /** An ecosystem as OSV publishes it. */
    osv<T extends OsvFixture>(ecosystem: string, records: readonly T[]) {
      put(
        `/osv/${ecosystem}/all.zip`,
        zipOf(Object.fromEntries(records.map((one) => [`${one.id}.json`, JSON.stringify(one)]))),
      );
      for (const one of records) put(`/osv/${ecosystem}/${one.id}.json`, JSON.stringify(one));
      const lines = records
        .toSorted((one, other) => ((one.modified ?? '') < (other.modified ?? '') ? 1 : -1))
        .map(({ id, modified }) => `${modified},${id}`);
      put(`/osv/${ecosystem}/modified_id.csv`, `${lines.join('\n')}\n`);
    },
    trouble: (path: string, kind: Trouble, times: number) => void troubles.set(path, { kind, left: times }),
    /** Done before the next answer to a path. */
    meanwhile: (path: string, work: () => Promise<unknown>) => void meanwhiles.set(path, work),
    /** Paths that were asked for since the last call. */
    asked: () => asked.splice(0),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export type Trouble = 'fails' | 'forbids' | 'moves' | 'leads inside' | 'breaks off' | 'stalls';
