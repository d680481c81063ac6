import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../http/fetch.ts';
import { openUpload, pushBlob, randomBytes } from '../http/registry.ts';
import { tiersOf } from './tiers.ts';
import { until } from './worker-processes.ts';

/* What a tier says of bandwidth and of transfers holds for all processes of a server together: two of one, and two nodes. */

/** Two processes that are one server. */
export interface SharedServer extends AsyncDisposable {
  /** Where they are asked: one address for both, or one each. Those that answer. */
  urls(): readonly string[];
  /** Ends one of them at once, without a word to anybody. */
  killOne(): Promise<void>;
}

const mib = 1024 ** 2;
/** For how long bytes are counted (ms), and within what (ms) everything else has to come about on a busy machine. */
const countedMs = 10_000;
const withinMs = 60_000;
/** A bucket of bytes holds what passes in this time (s). */
const burstSeconds = 2;

export function sharedTransfers(start: () => Promise<SharedServer>): void {
  let server: SharedServer;
  let tiers: ReturnType<typeof tiersOf>;
  let edits = 0;
  /** More than the buffers of a connection take in, and less. */
  const blobs = { large: '', small: '' };
  beforeAll(async () => {
    server = await start();
    const url = server.urls()[0]!;
    tiers = tiersOf(url);
    blobs.large = await pushBlob(url, 'app', randomBytes(64 * mib));
    blobs.small = await pushBlob(url, 'app', randomBytes(mib));
  }, withinMs);
  afterAll(() => server[Symbol.asyncDispose]());

  const processOf = (answer: Response) => answer.headers.get('x-request-id')!.split('-')[0]!;
  const urlOf = (n: number) => server.urls()[n % server.urls().length]!;
  /** A connection for each request: of one address the system deals them out. */
  const afresh = { keepalive: false, headers: { Connection: 'close' } };

  /** Both processes go by these rates: another rate beside them says so. */
  async function withRates(rates: object): Promise<void> {
    const registry = 1_000_000 + ++edits;
    await tiers.put('Shared', { rates: { ...rates, dataplaneRead: { registry } } });
    await tiers.use('Shared');
    const heard = new Set<string>();
    for (let n = 0, end = performance.now() + withinMs; heard.size < 2; n++) {
      const answer = await fetch(`${urlOf(n)}/v2/app/tags/list`, afresh);
      await answer.text();
      const policy = answer.headers.get('ratelimit-policy') ?? '';
      if (policy.includes(`"registry";q=${registry};`)) heard.add(processOf(answer));
      else if (performance.now() > end) throw new Error('a process has not heard of the tier');
      else await Bun.sleep(20);
    }
  }

  interface Counted {
    bytes: number;
    processes: Set<string>;
    /** From the first request to the last bytes (s). */
    seconds: number;
  }

  /** Bytes that pass in a time by some clients, each of which goes on until its signal ends it. */
  async function count(
    clients: number,
    act: (n: number, passed: (answer: Response, bytes: number) => void, signal: AbortSignal) => Promise<void>,
  ): Promise<Counted> {
    const began = performance.now();
    const counted: Counted = { bytes: 0, processes: new Set(), seconds: 0 };
    const signal = AbortSignal.timeout(countedMs);
    const passed = (answer: Response, bytes: number) => {
      counted.bytes += bytes;
      counted.processes.add(processOf(answer));
      counted.seconds = (performance.now() - began) / 1000;
    };
    await Promise.all(
      Array.from({ length: clients }, (_, n) =>
        act(n, passed, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        }),
      ),
    );
    return counted;
  }

  /** As much as the bucket held and what filled meanwhile, within 10 %. */
  function expectRate({ bytes, seconds }: Pick<Counted, 'bytes' | 'seconds'>, rate: number): void {
    expect(seconds).toBeGreaterThan(countedMs / 2000);
    const allowed = rate * mib * (burstSeconds + seconds);
    expect(bytes / allowed).toBeWithin(0.9, 1.1);
  }

  async function pullOn(url: string, digest: string, passed: (answer: Response, bytes: number) => void, init: object) {
    const answer = await fetch(`${url}/v2/app/blobs/${digest}`, init);
    if (answer.status !== 200) throw new Error(`it answered ${answer.status}: ${await answer.text()}`);
    for await (const chunk of answer.body!) passed(answer, chunk.byteLength);
  }

  test('what goes out of both together is what the tier says, within 10 %', async () => {
    await withRates({ egress: 2 });
    const evenly = await count(6, async (n, passed, signal) => {
      while (!signal.aborted) await pullOn(urlOf(n), blobs.small, passed, { ...afresh, signal });
    });
    expect(evenly.processes.size).toBe(2);
    expectRate(evenly, 2);
  }, 120_000);

  test('so it is where one of them has all pulls', async () => {
    // Until the bucket is full again.
    await withRates({ egress: 2 });
    await Bun.sleep(burstSeconds * 1000);
    const onesided = await count(1, (_, passed, signal) => pullOn(urlOf(0), blobs.large, passed, { signal }));
    expect(onesided.processes.size).toBe(1);
    expectRate(onesided, 2);
  }, 120_000);

  test('what is taken in by both together is what the tier says, within 10 %', async () => {
    await withRates({ ingress: 4 });
    const piece = randomBytes(64 * 1024);
    const endless = () => new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(piece) });
    // Which process has an upload is the system's choice: with ten of them, hardly ever all in one.
    const sessions = await Promise.all(Array.from({ length: 10 }, (_, n) => openUpload(urlOf(n), 'app')));
    const began = performance.now();
    const signal = AbortSignal.timeout(countedMs);
    await Promise.all(
      sessions.map(async (session) => {
        const answer = await fetch(session, { ...afresh, method: 'PATCH', body: endless(), signal }).catch(
          () => undefined,
        );
        if (!signal.aborted) throw new Error(`it answered ${answer?.status}`);
      }),
    );
    // What arrived of an upload that broke off is kept, and told, once its process has taken in what the system had read ahead,
    // at the same rate.
    let bytes = 0;
    for (const session of sessions) {
      let offset = 0;
      await until(async () => {
        const range = (await fetch(session, afresh)).headers.get('range');
        offset = Number(range?.split('-')[1] ?? 0) + 1;
        return offset > 1;
      }, withinMs);
      bytes += offset;
    }
    expectRate({ bytes, seconds: (performance.now() - began) / 1000 }, 4);
  }, 120_000);

  interface Holder {
    process: string;
    close(): void;
  }

  /** Pulls that read nothing but the beginning, so that they keep their places. Those that have one are in `held`. */
  function pulls() {
    const held: Holder[] = [];
    let most = 0;
    let over = false;
    let asked = 0;
    const clients = new Set<AbortController>();
    const running: Promise<void>[] = [];

    async function open(): Promise<void> {
      while (!over) {
        const client = new AbortController();
        clients.add(client);
        try {
          const url = `${urlOf(asked++)}/v2/app/blobs/${blobs.large}`;
          const answer = await fetch(url, { ...afresh, signal: client.signal });
          if (answer.status === 429) {
            await answer.text();
            continue;
          }
          expect(answer.status).toBe(200);
          const reader = answer.body!.getReader();
          await reader.read();
          const holder: Holder = {
            process: processOf(answer),
            close() {
              held.splice(held.indexOf(holder), 1);
              client.abort();
              reader.cancel().catch(() => {});
            },
          };
          most = Math.max(most, held.push(holder));
          return;
        } catch (error) {
          // Its process was killed while it waited.
          if (!over && !(error instanceof Error && 'code' in error)) throw error;
          await Bun.sleep(50);
        }
      }
    }

    return {
      held,
      /** Most that were held at once. */
      most: () => most,
      open: (length: number) => void running.push(...Array.from({ length }, open)),
      /** Waits until so many have a place. */
      async until(places: number): Promise<void> {
        for (const end = performance.now() + withinMs; held.length < places; await Bun.sleep(10)) {
          if (performance.now() > end) throw new Error(`${held.length} have a place, and not ${places}`);
        }
        expect(held.length).toBe(places);
      },
      /** That no further one gets a place: those who wait look ten times a second. */
      async stay(places: number): Promise<void> {
        await Bun.sleep(1500);
        expect(held.length).toBe(places);
      },
      async [Symbol.asyncDispose]() {
        over = true;
        for (const client of clients) client.abort();
        await Promise.allSettled(running);
      },
    };
  }

  test('so many blobs are on their way at once through both together, and each has its turn', async () => {
    await withRates({ transfers: 3 });
    await using pulling = pulls();
    const seen = new Set<string>();
    pulling.open(8);
    await pulling.until(3);
    await pulling.stay(3);
    // One after the other ends, another comes.
    for (let turns = 0; turns < 12 || seen.size < 2; turns++) {
      const [first] = pulling.held;
      seen.add(first!.process);
      first!.close();
      pulling.open(1);
      await pulling.until(3);
    }
    expect(pulling.most()).toBe(3);
  }, 180_000);

  test('an upload waits for a pull, whichever process has it', async () => {
    await withRates({ transfers: 1 });
    const sessions = await Promise.all([0, 1, 2, 3].map((n) => openUpload(urlOf(n), 'app')));
    await using pulling = pulls();
    pulling.open(1);
    await pulling.until(1);
    let done = 0;
    const uploads = sessions.map(async (session) => {
      for (;;) {
        const answer = await fetch(session, { ...afresh, method: 'PATCH', body: randomBytes(1000) });
        done++;
        if (answer.status !== 429) return answer.status;
        done--;
      }
    });
    await Bun.sleep(1500);
    expect(done).toBe(0);
    pulling.held[0]!.close();
    expect(await Promise.all(uploads)).toEqual([202, 202, 202, 202]);
  }, 120_000);

  test('a tier that is edited holds for both within seconds, for those who wait as well', async () => {
    await withRates({ transfers: 1 });
    await using pulling = pulls();
    pulling.open(5);
    await pulling.until(1);
    await withRates({ transfers: 4 });
    await pulling.until(4);
    await pulling.stay(4);
    await withRates({ transfers: 2 });
    for (const holder of pulling.held.slice(0, 2)) holder.close();
    // What was on its way goes on; there are places again once there are fewer than two.
    await pulling.stay(2);
    pulling.held[0]!.close();
    await pulling.until(2);
    await pulling.stay(2);
    await tiers.use('Premium');
    pulling.open(3);
    await pulling.until(5);
  }, 180_000);

  test('one that is killed gives its places back, and no others', async () => {
    await withRates({ transfers: 2 });
    await using pulling = pulls();
    // One place each.
    for (const end = performance.now() + withinMs; new Set(pulling.held.map(({ process }) => process)).size < 2;) {
      if (performance.now() > end) throw new Error('one process has all of it');
      if (pulling.held.length === 2) pulling.held[0]!.close();
      const before = pulling.held.length;
      pulling.open(1);
      await pulling.until(before + 1);
    }
    pulling.open(2);
    await pulling.stay(2);
    await server.killOne();
    await pulling.until(3);
    await pulling.stay(3);
  }, 120_000);
}
