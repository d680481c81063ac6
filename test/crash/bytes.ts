import { cpSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { s3Environment } from '../support/s3.ts';
import { objectsOf, s3SettingsOf, testPartBytes as part } from '../support/storage.ts';
import { type Gateway, startGateway } from './gateway.ts';

/** A blob as the facts have it. */
export interface RecordedBlob {
  key: string;
  size: number;
}

/** Where servers keep bytes, looked at past all of their own code. */
export interface Bytes extends AsyncDisposable {
  /** What a server needs to find them. */
  readonly settings: Record<string, string | number | boolean>;
  readonly environment: Record<string, string>;
  /** Everything that is staged of uploads. */
  staged(): Promise<string[]>;
  /** What is there and not among these blobs, and the other way round. */
  compare(blobs: readonly RecordedBlob[]): Promise<string[]>;
  /** Sees to it that they are in this folder, for whoever looks into a failure. */
  keep(folder: string): void;
  /** What is between them and the disk, and may be killed alone. */
  readonly gateway: Gateway | undefined;
  /** Of the larger blobs that are to be pushed, and how many of all these are. */
  readonly large: { chance: number; sizes: readonly number[] };
}

export function bytesInFiles(data: string): Bytes {
  const filesIn = (pattern: string) => [...new Bun.Glob(pattern).scanSync({ cwd: data, dot: true })];
  return {
    settings: {},
    environment: {},
    gateway: undefined,
    large: { chance: 0.04, sizes: [1_500_000] },
    staged: async () => filesIn('uploads/**/*'),
    async compare(blobs) {
      // In a folder for each algorithm; beside them lies the id of the store.
      const files = filesIn('blobs/*/**/*').map((path) => path.slice('blobs/'.length));
      const keys = new Set(blobs.map(({ key }) => key));
      const isWhole = ({ key, size }: RecordedBlob) => {
        const path = join(data, 'blobs', key);
        return existsSync(path) && statSync(path).size === size;
      };
      return [
        ...files.filter((path) => !keys.has(path)).map((path) => `a file without a fact: ${path}`),
        ...blobs.filter((blob) => !isWhole(blob)).map(({ key }) => `a fact without its file: ${key}`),
      ];
    },
    keep() {},
    async [Symbol.asyncDispose]() {},
  };
}

/** In a bucket of an S3 server of its own. */
export async function bytesInS3(): Promise<Bytes> {
  const gateway = await startGateway();
  return {
    settings: s3SettingsOf(gateway.endpoint, gateway.bucket),
    environment: s3Environment,
    gateway,
    large: { chance: 0.08, sizes: [1_500_000, part - 1, part, part + 1, 2 * part + 123] },
    async staged() {
      const { objects, multiparts } = await gateway.contents();
      return [
        ...[...objects.keys()].filter((key) => key.startsWith('uploads/')),
        ...multiparts.map((key) => `open multipart upload of ${key}`),
      ];
    },
    async compare(blobs) {
      const { objects } = await gateway.contents();
      // The id of the store.
      objects.delete('id');
      const expected = new Map(blobs.flatMap(({ key, size }) => objectsOf(key, size)));
      return [
        ...[...objects.keys()].filter((key) => !expected.has(key)).map((key) => `an object without a fact: ${key}`),
        ...[...expected]
          .filter(([key, size]) => objects.get(key) !== size)
          .map(([key, size]) => `a fact without its object: ${key} (${objects.get(key)} bytes instead of ${size})`),
      ];
    },
    keep: (folder) => cpSync(gateway.folder, join(folder, 'bucket'), { recursive: true }),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}
