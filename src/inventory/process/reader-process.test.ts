import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { archiveOf, dpkgStatus, foundIn } from '../archive.double.ts';
import { extractorRevision } from '../index.ts';
import { type Extraction, type LayerBytes, type ReadOptions, startReader } from './reader-process.ts';

/** The compiled program where the tests run with one. */
const compiled = process.env['BONDED_TEST_PROGRAM'];
const given = compiled === undefined ? undefined : [compiled];

const archive = gzipSync(archiveOf([{ name: 'var/lib/dpkg/status', content: dpkgStatus({ bash: '5.2-1' }) }]));
const found = ['var/lib/dpkg/status: bash 5.2-1'];
const mib = 1024 * 1024;

async function withFile(bytes: Uint8Array, act: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-layer-'));
  try {
    await Bun.write(join(directory, 'layer'), bytes);
    await act(join(directory, 'layer'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** By a process that reads this layer alone. */
async function extract(
  source: LayerBytes,
  { program = given, ...options }: Partial<ReadOptions> & { program?: readonly string[] | undefined } = {},
): Promise<Extraction> {
  const reader = startReader(program);
  try {
    return await reader.read(source, { mediaType: '', signal: AbortSignal.timeout(50_000), ...options });
  } finally {
    reader.end();
  }
}

/** A process in place of ours that does something to itself. */
function running(script: string, limits: ReadOptions['limits'] = {}): Promise<Extraction> {
  return extract(new Blob([archive]).stream(), { program: [process.execPath, '-e', script], limits });
}

function packagesOf(extraction: Extraction): string[] {
  if (!extraction.ok) throw new Error(`${extraction.reason}: ${extraction.detail} ${extraction.said}`);
  return foundIn(extraction.inventory);
}

describe('lesson 59: a layer is read in a process of its own', () => {
  test('from a file', async () => {
    await withFile(archive, async (path) => expect(packagesOf(await extract(Bun.file(path)))).toEqual(found));
  });

  test('from a stream of many pieces', async () => {
    async function* pieces() {
      for (let at = 0; at < archive.length; at += 10) yield archive.subarray(at, at + 10);
    }
    expect(packagesOf(await extract(streamOf(pieces())))).toEqual(found);
  });

  test('under the limits of the one who asks', async () => {
    const extraction = await extract(new Blob([archive]).stream(), { limits: { unpackedBytes: 100 } });
    expect(extraction).toMatchObject({ ok: true, inventory: { warnings: [{ code: 'too-many-bytes' }] } });
  });

  test('that has neither environment nor configuration', async () => {
    const answer = { revision: extractorRevision, files: [], hides: '', bytes: 0, entries: 0 };
    const seen = '{ code: Object.keys(process.env).join(), path: process.cwd() }';
    const script = `console.log(JSON.stringify({ ...${JSON.stringify(answer)}, warnings: [${seen}] }))`;
    expect(await running(script)).toMatchObject({ ok: true, inventory: { warnings: [{ code: '', path: '/' }] } });
  });

  test.skipIf(process.platform !== 'linux')('that stands back behind whoever serves', async () => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    async function* slow() {
      yield archive.subarray(0, 20);
      await opened;
      yield archive.subarray(20);
    }
    const readers = () => childrenOf(process.pid).filter((one) => read(`/proc/${one}/oom_score_adj`) === '1000\n');
    // Those of the tests before may be on their way out.
    await until(() => readers().length === 0);
    const extraction = extract(streamOf(slow()));
    try {
      const pid = await until(() => readers()[0]);
      // Behind the name, which may have spaces, the seventeenth field is the nice value.
      const nice = read(`/proc/${pid}/stat`)
        ?.replace(/^.*\) /, '')
        .split(' ')[16];
      expect(nice).toBe('19');
      expect(read(`/proc/${pid}/environ`)).toBe('');
      // What a terminal sends to all is not for it.
      process.kill(pid, 'SIGINT');
      process.kill(pid, 'SIGTERM');
    } finally {
      open();
    }
    expect(packagesOf(await extraction)).toEqual(found);
  });
});

describe('whatever becomes of that process is a result', () => {
  test('a crash', async () => {
    expect(await running('console.error("why"); process.abort()')).toMatchObject({
      ok: false,
      reason: 'crashed',
      said: expect.stringContaining('why'),
    });
    expect(await running('process.exit(3)')).toMatchObject({
      ok: false,
      reason: 'crashed',
      detail: 'the process that read it ended with code 3',
    });
  });

  test('a kill from outside', async () => {
    expect(await running('process.kill(process.pid, "SIGKILL")')).toMatchObject({
      ok: false,
      reason: 'crashed',
      detail: 'the process that read it ended by SIGKILL',
    });
  });

  test('a hang, whether it waits or works', async () => {
    for (const script of ['setInterval(() => {}, 1000)', 'for (;;) {}']) {
      expect(await running(script, { timeMs: 300 })).toMatchObject({ ok: false, reason: 'timeout' });
    }
  });

  test.skipIf(process.platform !== 'linux')('memory without end', async () => {
    const script = 'const kept = []; setInterval(() => kept.push(new Uint8Array(8 * 1024 * 1024).fill(1)), 5)';
    expect(await running(script, { memoryBytes: 300 * mib, timeMs: 40_000 })).toMatchObject({
      ok: false,
      reason: 'memory',
    });
  });

  test('output without end', async () => {
    const script = 'const text = "x".repeat(65536); (function write() { process.stdout.write(text, write); })()';
    expect(await running(script, { outputBytes: mib })).toMatchObject({ ok: false, reason: 'refused' });
  });

  test('what is no answer', async () => {
    for (const text of ['hello', '', '{}', 'null', '{"revision":1,"files":[{}]}']) {
      expect(await running(`console.log(${JSON.stringify(text)})`)).toMatchObject({
        ok: false,
        reason: 'crashed',
        detail: 'the process that read it ended without an inventory',
      });
    }
  });

  test('complaints without end are passed over', async () => {
    const script =
      'const text = "x".repeat(65536); for (let i = 0; i < 500; i++) process.stderr.write(text); process.exit(1)';
    const extraction = await running(script);
    expect(extraction).toMatchObject({ ok: false, reason: 'crashed' });
    expect(!extraction.ok && extraction.said.length).toBeLessThanOrEqual(4096);
  });
});

describe('is thrown', () => {
  test('an abort, and the process is gone', async () => {
    const abort = new AbortController();
    const before = childrenOf(process.pid);
    const extraction = extract(new Blob([archive]).stream(), {
      signal: abort.signal,
      program: [process.execPath, '-e', 'setInterval(() => {}, 1000)'],
    });
    const pid = await until(() => childrenOf(process.pid).find((one) => !before.includes(one)));
    abort.abort(new Error('the server ends'));
    await expect(extraction).rejects.toThrow('the server ends');
    await until(() => !childrenOf(process.pid).includes(pid));
  });

  test('what goes wrong with the bytes', async () => {
    async function* failing() {
      yield archive.subarray(0, 30);
      throw new Error('the store is away');
    }
    await expect(extract(streamOf(failing()))).rejects.toThrow('the store is away');
    await expect(extract(Bun.file('/nowhere/at/all'))).rejects.toThrow();
  });
});

test.skipIf(process.platform !== 'linux')(
  'a process whose parent is killed ends, even in the midst of a file',
  async () => {
    const main = join(import.meta.dir, 'own-end.ts');
    const child = `import { watchOwnEnd } from ${JSON.stringify(main)}; watchOwnEnd(60000); setTimeout(() => { for (;;) {} }, 500);`;
    const parent = `const child = Bun.spawn([process.execPath, '-e', ${JSON.stringify(child)}], { stdio: ['ignore', 'ignore', 'ignore'] });
    console.log(child.pid); setInterval(() => {}, 1000);`;
    const started = Bun.spawn([process.execPath, '-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
    let pid = 0;
    for await (const piece of started.stdout) {
      pid = Number(Buffer.from(piece).toString());
      break;
    }
    // It watches once it is at work.
    await until(
      () =>
        Number(
          read(`/proc/${pid}/stat`)
            ?.replace(/^.*\) /, '')
            .split(' ')[11],
        ) > 30,
    );
    started.kill('SIGKILL');
    await started.exited;
    await until(() => read(`/proc/${pid}/stat`) === undefined || / Z /.test(read(`/proc/${pid}/stat`)!));
  },
);

test('it ends at its own deadline where nobody else ends it', async () => {
  const main = join(import.meta.dir, 'own-end.ts');
  const script = `import { watchOwnEnd } from ${JSON.stringify(main)}; watchOwnEnd(300); setTimeout(() => { for (;;) {} }, 50);`;
  const child = Bun.spawn([process.execPath, '-e', script], { stdio: ['ignore', 'ignore', 'ignore'] });
  await child.exited;
  expect(child.signalCode).toBe('SIGKILL');
});

function childrenOf(pid: number): number[] {
  return (read(`/proc/${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

async function until<Value>(condition: () => Value | undefined | false): Promise<Value> {
  for (const end = Date.now() + 45_000; Date.now() < end; await Bun.sleep(20)) {
    const value = condition();
    if (value) return value;
  }
  throw new Error('it did not happen within 45 s');
}

function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}
