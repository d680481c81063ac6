import { randomUUID } from 'node:crypto';
import { blobOf, type Image, imageOf, pushImage, UnexpectedStatus } from '../client/content.ts';
import { connectTo, type ZbConnection } from './connection.ts';
import { draw } from './mix.ts';
import type { ZbOptions } from './options.ts';
import { type FirstBytes, getCatalog, pull, pushChunked, remove } from './requests.ts';
import type { Size } from './sizes.ts';
import type { Kind, ZbTest } from './tests.ts';

/** What became of one request, which is a whole push or pull. */
export interface ZbRecord {
  kind: Kind;
  size: Size;
  milliseconds: number;
  /** Of the answer that failed it; 0 where there was none, 200 where it succeeded. */
  status: number;
  error?: string;
  firstBytes: FirstBytes;
}

export interface ZbRun {
  test: ZbTest;
  /** From the first request to the last answer, without preparing and cleaning up. */
  seconds: number;
  records: ZbRecord[];
  /** Whether everything that was pushed is gone. */
  cleaned: boolean;
}

/** One image a size; the layer is random once a run, as with zb. */
export type Images = Readonly<Record<Size, Image>>;

export function imageWith(layer: Image['layers'][number]): Image {
  const config = { created: '2011-01-01T01:01:01Z', architecture: 'amd64', os: 'linux', rootfs: { type: 'layers' } };
  return imageOf(blobOf(Buffer.from(JSON.stringify(config))), [layer]);
}

interface Pushed {
  repository: string;
  tag: string;
  image: Image;
}

interface Worker {
  connection: ZbConnection;
  pushed: Pushed[];
  /** What it pulls, by size. */
  prepared: Map<Size, Pushed>;
}

/** Runs one test: every connection sends its part of the requests, one after the other. */
export async function runTest(test: ZbTest, images: Images, options: ZbOptions): Promise<ZbRun> {
  const { url, authorization, concurrency, requests } = options;
  const each = requests / concurrency;
  const workers = Array.from({ length: concurrency }, (): Worker => ({
    connection: connectTo(url, authorization),
    pushed: [],
    prepared: new Map(),
  }));
  const together = <T>(work: (worker: Worker) => Promise<T>) => Promise.all(workers.map(work));
  let cleaned = true;
  try {
    await together((worker) => prepare(worker, test, images, options, each));
    const began = performance.now();
    const records = await together(async (worker) => {
      const own: ZbRecord[] = [];
      for (let count = 0; count < each; count++) own.push(await request(worker, test, images, options, count));
      return own;
    });
    const seconds = (performance.now() - began) / 1000;
    if (!options.skipCleanup) cleaned = (await together(cleanUp)).every(Boolean);
    return { test, seconds, records: records.flat(), cleaned };
  } finally {
    for (const { connection } of workers) connection.close();
  }
}

async function prepare(worker: Worker, test: ZbTest, images: Images, options: ZbOptions, each: number): Promise<void> {
  const push = async (size: Size) => {
    const pushed = newPush(worker, images[size], `tag${size}`.toLowerCase(), options);
    await pushImage(worker.connection, pushed.repository, pushed.tag, pushed.image);
    return pushed;
  };
  if (test.kinds.catalog) for (let count = 0; count < each; count++) await push(draw(test.sizes));
  if (!test.kinds.pull) return;
  for (const size of Object.keys(test.sizes) as Size[]) worker.prepared.set(size, await push(size));
}

function newPush(worker: Worker, image: Image, tag: string, { repository }: ZbOptions): Pushed {
  const own = randomUUID();
  const pushed = { repository: repository === undefined ? own : `${repository}/${own}`, tag, image };
  worker.pushed.push(pushed);
  return pushed;
}

async function request(
  worker: Worker,
  test: ZbTest,
  images: Images,
  options: ZbOptions,
  count: number,
): Promise<ZbRecord> {
  const kind = draw(test.kinds);
  const size = draw(test.sizes);
  const record: ZbRecord = { kind, size, milliseconds: 0, status: 200, firstBytes: {} };
  const began = performance.now();
  try {
    const { connection } = worker;
    if (kind === 'catalog') await getCatalog(connection);
    else if (kind === 'pull') {
      const { repository, tag } = worker.prepared.get(size)!;
      record.firstBytes = await pull(connection, repository, tag);
    } else {
      const { repository, tag, image } = newPush(worker, images[size], `tag${count}`, options);
      const send = kind === 'push chunk' ? pushChunked : pushImage;
      await send(connection, repository, tag, image);
    }
  } catch (error) {
    record.status = error instanceof UnexpectedStatus ? error.status : 0;
    record.error = (error as Error).message;
  }
  record.milliseconds = performance.now() - began;
  return record;
}

async function cleanUp({ connection, pushed }: Worker): Promise<boolean> {
  let all = true;
  for (const { repository, tag, image } of pushed) {
    if (!(await remove(connection, repository, tag, image))) all = false;
  }
  return all;
}
