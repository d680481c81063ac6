import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BlobStore,
  createFileStore,
  createS3Store,
  type FileSystem,
  type S3StoreOptions,
} from '../../src/content/index.ts';
import { listBucket, startS3 } from './s3.ts';

/** The least that S3 accepts, so that small blobs have several parts. */
export const testPartBytes = 5 * 1024 * 1024;

/** S3 where BONDED_TEST_S3 is set, else files. */
export const storesInS3 = Boolean(process.env['BONDED_TEST_S3']);

type Settings = Record<string, string | number | boolean>;

const settingsOf = new Map<string, Promise<Settings>>();

/** Settings of a server where `storesInS3` says so: the servers of one data directory share a bucket. */
export async function storageSettings(data: string): Promise<Settings> {
  if (!storesInS3) return {};
  const known = settingsOf.get(data) ?? s3Settings();
  settingsOf.set(data, known);
  return known;
}

/** Settings of a server that keeps its content in a new bucket of this process's S3 server. */
export async function s3Settings(endpoint?: string): Promise<Settings> {
  const s3 = await startS3();
  return s3SettingsOf(endpoint ?? s3.endpoint, await s3.bucket());
}

export function s3SettingsOf(endpoint: string, bucket: string): Settings {
  return {
    'storage.s3.bucket': bucket,
    'storage.s3.endpoint': endpoint,
    'storage.s3.pathStyle': true,
    'storage.s3.partSize': testPartBytes,
    'uploads.maxBlobSize': '40GiB',
  };
}

/** The objects of a blob in S3, and their sizes: its content, and the name beside it where it was made of parts. */
export function objectsOf(key: string, size: number): [key: string, size: number][] {
  const content = key.split('.', 1)[0]!;
  return [[`blobs/${content}`, size], ...(content === key ? [] : [[`blobs/${key}`, 0] satisfies [string, number]])];
}

export interface TestStore extends AsyncDisposable {
  store: BlobStore;
  /** The same content through another store, as in another process. */
  reopen(): Promise<BlobStore>;
  /** The file in which an object, or what is staged of an upload, lies: to damage it. */
  fileOf(key: string): string;
  stagingOf(upload: string): string;
  /** Everything that is in the bucket: keys of objects, and of multipart uploads that are open. */
  everything(): Promise<string[]>;
  /** Its bucket, where it has one. */
  bucket: string;
}

/** A new store in a bucket of its own. */
export async function openTestS3Store(options: Partial<S3StoreOptions> = {}): Promise<TestStore> {
  const s3 = await startS3();
  const spools = await mkdtemp(join(tmpdir(), 'bonded-spools-'));
  const bucket = options.bucket ?? (await s3.bucket());
  const open = () =>
    createS3Store({
      bucket,
      prefix: '',
      endpoint: s3.endpoint,
      pathStyle: true,
      encryption: { mode: 'none' },
      requestTimeoutMs: 10_000,
      spools,
      partBytes: testPartBytes,
      ...options,
    });
  const fileOf = (key: string) => join(s3.home, bucket, options.prefix ?? '', key);
  return {
    store: await open(),
    reopen: open,
    fileOf: (key) => fileOf(`blobs/${key.split('.', 1)[0]}`),
    stagingOf: (upload) => latest(fileOf('uploads'), `${upload}.`),
    everything: () => listBucket(bucket),
    bucket,
    [Symbol.asyncDispose]: () => rm(spools, { recursive: true, force: true }),
  };
}

/** The file that was written last of those whose names begin so. */
function latest(folder: string, beginning: string): string {
  const found = readdirSync(folder).filter((name) => name.startsWith(beginning));
  const paths = found.map((name) => join(folder, name));
  return paths.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0]!;
}

/** A new store in S3, by default where `storesInS3` says so; files lie in `data`. */
export async function openTestStore(data: string, fs?: FileSystem, s3 = storesInS3): Promise<TestStore> {
  if (s3 && !fs) return openTestS3Store();
  const open = () => createFileStore(data, fs);
  return {
    store: await open(),
    reopen: open,
    fileOf: (key) => join(data, 'blobs', key),
    stagingOf: (upload) => join(data, 'uploads', upload.slice(0, 2), upload),
    bucket: '',
    everything: () => Array.fromAsync(new Bun.Glob('{blobs,uploads}/**/*').scan(data)),
    async [Symbol.asyncDispose]() {},
  };
}
