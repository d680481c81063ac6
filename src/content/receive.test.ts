import { afterAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { until } from '../../test/support/worker-processes.ts';
import { digestOf } from '../oci/index.ts';
import { bodyOf, codeOf, type ContentRig, nothing, openBody, openContentRig, owner } from './content-rig.double.ts';
import { nodeFileSystem } from './files/file-system.ts';
import type { UploadBody } from './receive.ts';

const stream = (
  pull: (controller: ReadableStreamDefaultController<Uint8Array>) => void | Promise<void>,
): UploadBody => ({
  stream: new ReadableStream({ pull }),
  length: undefined,
});

test('a silent body and a slow one are given up in time', async () => {
  await using rig = await openContentRig({ limits: { stallMs: 100, minBytesPerSecond: 10_000 } });
  const silent = openBody('x');
  const slow = stream(async (controller) => {
    await Bun.sleep(10);
    controller.enqueue(Buffer.from('x'));
  });
  for (const body of [silent.body, slow]) {
    const started = performance.now();
    const id = await rig.open();
    expect(await codeOf(rig.append(id, body))).toBe('408 BLOB_UPLOAD_INVALID');
    expect(performance.now() - started).toBeLessThan(10_000);
    // What came is kept.
    expect(await rig.offset(id)).toBeGreaterThan(0);
    await rig.uploads.cancel(id, owner);
  }
  await silent.cancelled;
  expect(await rig.left()).toEqual(nothing);
});

test('a body that was fast at first may not trickle for ever after', async () => {
  await using rig = await openContentRig({ limits: { stallMs: 100, minBytesPerSecond: 10_000 } });
  let first = true;
  const body = stream(async (controller) => {
    if (!first) await Bun.sleep(10);
    controller.enqueue(first ? randomBytes(5_000_000) : Buffer.from('x'));
    first = false;
  });
  expect(await codeOf(rig.append(await rig.open(), body))).toBe('408 BLOB_UPLOAD_INVALID');
});

test('a steady body above the floor goes on, also beside others', async () => {
  await using rig = await openContentRig({ limits: { stallMs: 500, minBytesPerSecond: 1000 } });
  const steady = (chunks: number) => {
    let sent = 0;
    return stream(async (controller) => {
      await Bun.sleep(10);
      if (sent++ < chunks) controller.enqueue(Buffer.alloc(100));
      else controller.close();
    });
  };
  const silent = openBody('x');
  const [stuck, ...lengths] = await Promise.all([
    codeOf(rig.append(await rig.open(), silent.body)),
    rig.append(await rig.open(), steady(40)),
    rig.append(await rig.open(), steady(80)),
  ]);
  expect(stuck).toBe('408 BLOB_UPLOAD_INVALID');
  expect(lengths).toEqual([4000, 8000]);
});

test('a slow disk of ours is not held against the client', async () => {
  await using rig = await openContentRig({
    limits: { stallMs: 250, minBytesPerSecond: 1_000_000 },
    fs: {
      ...nodeFileSystem,
      async create(path) {
        const file = await nodeFileSystem.create(path);
        return { ...file, write: (chunks, at) => Bun.sleep(600).then(() => file.write(chunks, at)) };
      },
    },
  });
  const bytes = randomBytes(1_500_000);
  const chunks = Array.from({ length: 5 }, (_, at) => bytes.subarray(at * 300_000, (at + 1) * 300_000));
  expect(await rig.append(await rig.open(), bodyOf(...chunks))).toBe(1_500_000);
});

test('an endless body ends at the limit, a declared one before its first byte', async () => {
  await using rig = await openContentRig({ limits: { maxBytes: 1_000_000 } });
  let pulled = 0;
  const endless = stream((controller) => {
    pulled += 65_536;
    controller.enqueue(new Uint8Array(65_536));
  });
  expect(await codeOf(rig.uploads.put(owner, endless, digestOf('x'), rig.link))).toBe('413 SIZE_INVALID');
  expect(pulled).toBeLessThan(1_300_000);
  const { body } = openBody();
  const declared = rig.uploads.put(owner, { ...body, length: 1_000_001 }, digestOf('x'), rig.link);
  expect(await codeOf(declared)).toBe('413 SIZE_INVALID');
  // Whoever answers may still read what the client is sending.
  expect([endless.stream.locked, body.stream.locked]).toEqual([false, false]);
  const id = await rig.open();
  await rig.append(id, bodyOf(new Uint8Array(900_000)));
  expect(await codeOf(rig.append(id, { ...openBody().body, length: 100_001 }))).toBe('413 SIZE_INVALID');
  expect(await rig.append(id, bodyOf(new Uint8Array(100_000)))).toBe(1_000_000);
  expect(await codeOf(rig.append(id, bodyOf('x')))).toBe('413 SIZE_INVALID');
});

test('a disk that hangs stops the body: what is in memory is bounded', async () => {
  await using rig = await openContentRig({
    fs: {
      ...nodeFileSystem,
      async create(path) {
        const file = await nodeFileSystem.create(path);
        return { ...file, write: () => Promise.withResolvers<void>().promise, close: () => file.close() };
      },
    },
  });
  let pulled = 0;
  const endless = stream((controller) => {
    pulled += 65_536;
    controller.enqueue(new Uint8Array(65_536));
  });
  void rig.append(await rig.open(), endless);
  await until(() => pulled > 500_000);
  await Bun.sleep(200);
  expect(pulled).toBeLessThan(2_000_000);
});

// oxlint-disable-next-line typescript/no-misused-promises -- Bun awaits it
describe('bodies as the server hands them over', async () => {
  let disk: Promise<void> | undefined;
  const rig: ContentRig = await openContentRig({
    limits: { stallMs: 1000 },
    fs: {
      ...nodeFileSystem,
      async create(path) {
        const file = await nodeFileSystem.create(path);
        return { ...file, write: async (chunks, at) => (await disk, file.write(chunks, at)) };
      },
    },
  });
  const outcomes = new Map<string, string>();
  /** Bytes of each body that were read so far. */
  const read = new Map<string, number>();
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    async fetch(request, it) {
      it.timeout(request, 0);
      const id = new URL(request.url).pathname.slice(1);
      const length = request.headers.get('content-length');
      const body = request.body
        ? { stream: counted(request.body, id), length: length === null ? undefined : Number(length) }
        : undefined;
      outcomes.set(id, await codeOf(rig.append(id, body)));
      return new Response(outcomes.get(id), { headers: { Connection: 'close' } });
    },
  });
  afterAll(async () => {
    await server.stop(true);
    await rig[Symbol.asyncDispose]();
  });

  /** The same stream, which says in `read` what was taken from it. */
  function counted(body: ReadableStream<Uint8Array>, id: string): ReadableStream<Uint8Array> {
    const getReader = body.getReader.bind(body);
    const taken = async <T extends { value?: Uint8Array | undefined }>(chunk: Promise<T>) => {
      const { value } = await chunk;
      read.set(id, (read.get(id) ?? 0) + (value?.byteLength ?? 0));
      return chunk;
    };
    return Object.assign(body, {
      getReader: () => {
        const reader = getReader();
        const next = reader.read.bind(reader);
        return Object.assign(reader, { read: () => taken(next()) });
      },
    });
  }

  async function send(id: string, framing: string): Promise<Socket> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect(server.port!, '127.0.0.1', resolve);
    socket.on('error', () => {});
    socket.resume();
    await promise;
    socket.write(`PATCH /${id} HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`);
    return socket;
  }

  async function outcomeOf(id: string): Promise<string | undefined> {
    await until(() => outcomes.has(id));
    return outcomes.get(id);
  }

  const cut = {
    'with a length, half-closed': ['Content-Length: 1000', 'end'],
    'with a length, reset': ['Content-Length: 1000', 'destroy'],
    'chunked, half-closed': ['Transfer-Encoding: chunked', 'end'],
    'chunked, reset': ['Transfer-Encoding: chunked', 'destroy'],
  } as const;
  for (const [how, [framing, end]] of Object.entries(cut)) {
    test(`a connection that breaks (${how}) is no end of a body, and what came is kept`, async () => {
      const id = await rig.open();
      const socket = await send(id, framing);
      socket.write(framing.startsWith('Content') ? '0123456789' : 'a\r\n0123456789\r\n');
      // The end of a connection takes along what nobody has read yet.
      await until(() => read.get(id) === 10);
      if (end === 'end') socket.end();
      else socket.destroy();
      expect(await outcomeOf(id)).toBe('400 BLOB_UPLOAD_INVALID');
      expect(await rig.offset(id)).toBe(10);
      socket.destroy();
    });
  }

  test('a client that falls silent is given up', async () => {
    const id = await rig.open();
    const socket = await send(id, 'Content-Length: 1000');
    socket.write('0123456789');
    expect(await outcomeOf(id)).toBe('408 BLOB_UPLOAD_INVALID');
    expect(await rig.offset(id)).toBe(10);
    socket.destroy();
  });

  test('a client that sends faster than the disk takes is slowed down', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    disk = promise;
    const id = await rig.open();
    const socket = await send(id, 'Content-Length: 100000000');
    const chunk = Buffer.alloc(1_000_000);
    let sent = 0;
    const pump = () => {
      while (sent < 100_000_000) {
        sent += chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('drain', pump);
    pump();
    await Bun.sleep(500);
    // Buffers of two sockets, of Bun, and ours.
    expect(sent).toBeLessThan(40_000_000);
    disk = undefined;
    resolve();
    expect(await outcomeOf(id)).toBe('done');
    expect(await rig.offset(id)).toBe(100_000_000);
    socket.destroy();
  });
});
