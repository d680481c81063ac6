import { afterEach, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { archiveOf, dpkgStatus } from '../archive.double.ts';
import { extractorRevision, readLayer } from '../index.ts';
import { createLayerReaders, type LayerReaders, type ReaderBounds } from './layer-readers.ts';
import type { Extraction, LayerBytes } from './reader-process.ts';

const compiled = process.env['BONDED_TEST_PROGRAM'];
const given = compiled === undefined ? {} : { program: [compiled] };
const numRuns = Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 5), 100);

/**
 * In place of ours: says which process it is and how many layers it has read, in the place of a package, or does what the media
 * type of the layer asks for.
 */
const double = `
  let layers = 0;
  for await (const piece of Bun.stdin.stream()) {
    const order = JSON.parse(Buffer.from(piece).subarray(4).toString());
    if (order.mediaType === 'crash' || (order.mediaType === 'crash later' && layers > 0)) process.exit(3);
    if (order.mediaType === 'hang') for (;;) {}
    const packages = [{ type: 'generic', name: String(process.pid), version: String(++layers) }];
    const files = [{ path: 'x', reader: 'x', packages }];
    const text = JSON.stringify({ revision: ${extractorRevision}, files, hides: '', warnings: [], bytes: 0, entries: 0 }) + '\\n';
    await Bun.write(Bun.stdout, order.mediaType === 'twice' ? text + text : text);
  }`;

let readers: LayerReaders | undefined;
afterEach(async () => {
  await readers?.close();
  readers = undefined;
});

const open = () => Bun.file(import.meta.path);
const options = (mediaType = '', limits = {}) => ({ mediaType, limits, signal: AbortSignal.timeout(30_000) });

/** Readers by the double: a layer comes to the process that has read it and the number that it was there. */
function doubled(bounds: Partial<ReaderBounds> = {}) {
  const made = createLayerReaders({ bounds, program: [process.execPath, '-e', double] });
  readers = made;
  return async (mediaType = '', limits = {}): Promise<{ pid: number; nth: number } | string> => {
    const read = await made.read(open, options(mediaType, limits));
    if (!read.ok) return read.reason;
    const { name, version } = read.inventory.files[0]!.packages[0]!;
    return { pid: Number(name), nth: Number(version) };
  };
}

const numbersOf = (reads: readonly ({ nth: number } | string)[]) =>
  reads.map((one) => (typeof one === 'string' ? one : one.nth));
const isThere = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 45_000; !condition(); await Bun.sleep(10)) {
    if (Date.now() > end) throw new Error('it did not happen within 45 s');
  }
}

async function inTurn(read: ReturnType<typeof doubled>, ...mediaTypes: string[]) {
  const reads = [];
  for (const mediaType of mediaTypes) reads.push(await read(mediaType));
  return reads;
}

test('one process reads layer after layer, and after some of them another does', async () => {
  const read = doubled({ layers: 3 });
  const reads = await inTurn(read, '', '', '', '', '');
  expect(numbersOf(reads)).toEqual([1, 2, 3, 1, 2]);
});

test('so it is after some bytes, after some time, and where it has kept too much memory', async () => {
  const size = open().size;
  expect(numbersOf(await inTurn(doubled({ bytes: 2 * size }), '', '', ''))).toEqual([1, 2, 1]);
  expect(numbersOf(await inTurn(doubled({ ageMs: 0 }), '', ''))).toEqual([1, 1]);
  if (process.platform === 'linux')
    expect(numbersOf(await inTurn(doubled({ memoryBytes: 1 }), '', ''))).toEqual([1, 1]);
});

test('layers that are read at the same time have a process each', async () => {
  const read = doubled();
  const first = await Promise.all([read(), read()]);
  expect(numbersOf(first)).toEqual([1, 1]);
  expect(numbersOf(await Promise.all([read(), read()]))).toEqual([2, 2]);
});

test('nothing runs where nothing is read for a while', async () => {
  const read = doubled({ idleMs: 50 });
  const { pid } = (await read()) as { pid: number };
  await until(() => !isThere(pid));
  expect(await read()).toMatchObject({ nth: 1 });
});

test('a layer that ends its process, by whatever, is a result of its own, and the next one is read by another', async () => {
  const read = doubled();
  expect(numbersOf(await inTurn(read, '', 'crash', '', ''))).toEqual([1, 'crashed', 1, 2]);
  expect(await read('hang', { timeMs: 300 })).toBe('timeout');
  expect(await read()).toMatchObject({ nth: 1 });
});

test('a layer does not answer for those that its process has read before: what fails then is read once more', async () => {
  const read = doubled();
  expect(numbersOf(await inTurn(read, '', 'crash later', ''))).toEqual([1, 1, 2]);
});

test('a process that was ended while nobody needed it costs no layer anything', async () => {
  const read = doubled();
  const { pid } = (await read()) as { pid: number };
  process.kill(pid, 'SIGKILL');
  expect(await read()).toMatchObject({ nth: 1 });
});

test('what nobody has asked for is nothing that the next layer has: that process reads no other', async () => {
  const read = doubled();
  expect(numbersOf(await inTurn(read, 'twice', '', ''))).toEqual([1, 1, 2]);
});

test('an abort ends the process, and the next layer has another', async () => {
  const read = doubled();
  await read();
  const abort = new AbortController();
  const reading = readers!.read(open, { mediaType: 'hang', signal: abort.signal });
  setTimeout(() => abort.abort(new Error('the server ends')), 100);
  await expect(reading).rejects.toThrow('the server ends');
  expect(await read()).toMatchObject({ nth: 1 });
  const late = readers!.read(open, { mediaType: 'hang', signal: AbortSignal.abort(new Error('it has ended')) });
  await expect(late).rejects.toThrow('it has ended');
});

test('all of them end with the server', async () => {
  const read = doubled();
  const pids = (await Promise.all([read(), read()])).map((one) => (one as { pid: number }).pid);
  await readers!.close();
  expect(pids.map(isThere)).toEqual([false, false]);
});

const json = (value: string) => ({ name: 'app/node_modules/a/package.json', content: value });
const someLayer: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .dictionary(fc.constantFrom('bash', 'openssl', 'zlib'), fc.constantFrom('1.0-1', '2.0-1'))
    .map((packages) => archiveOf([{ name: 'var/lib/dpkg/status', content: dpkgStatus({ ...packages }) }])),
  fc
    .constantFrom(
      '{"name":"a","version":"1.0.0"}',
      '{"__proto__":{"name":"b","version":"2"},"constructor":{"prototype":{"version":"3"}}}',
      '{"name":"a","version":"1.0.0","license":{"__proto__":{"type":"evil"}}}',
      '{"name":',
    )
    .map((text) => archiveOf([json(text)])),
  fc.uint8Array({ maxLength: 2000 }),
);

test('each layer has the inventory that it has alone, whatever its process has read before', async () => {
  const made = createLayerReaders(given);
  readers = made;
  const directory = await mkdtemp(join(tmpdir(), 'bonded-layers-'));
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(someLayer, fc.boolean(), fc.boolean(), fc.boolean()), { minLength: 2, maxLength: 8 }),
        async (layers) => {
          for (const [bytes, isPacked, isCut, isFile] of layers) {
            const packed = isPacked ? gzipSync(bytes) : bytes;
            const layer = new Uint8Array(isCut ? packed.subarray(0, packed.length / 2) : packed);
            const path = join(directory, 'layer');
            await Bun.write(path, layer);
            const from = (): LayerBytes => (isFile ? Bun.file(path) : new Blob([layer]).stream());
            const read: Extraction = await made.read(from, options());
            expect(read).toEqual({ ok: true, inventory: await readLayer(new Blob([layer]).stream()) });
          }
        },
      ),
      { numRuns },
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});
