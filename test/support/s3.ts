import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Subprocess } from 'bun';

/*
 * A real S3 server for tests: versitygw, over a folder. What it cannot show: encryption with keys of AWS (it takes the
 * headers and ignores them), credentials of instances and web identities (it knows one pair), the throttling, the time
 * that a copy takes and the eventual answers of AWS's endpoints, lifecycle rules, buckets in other regions. Tests look at
 * the requests for these, by the proxy in s3-faults.ts, or script the endpoint.
 */

export interface TestS3 {
  /** Such as `http://127.0.0.1:40123`. */
  readonly endpoint: string;
  /** The folder in which each bucket is a folder, and each object a file. */
  readonly home: string;
  /** Makes an empty bucket; returns its name. */
  bucket(): Promise<string>;
}

/** What a process needs to sign its requests. */
export const s3Environment = {
  AWS_ACCESS_KEY_ID: 'bonded-test',
  AWS_SECRET_ACCESS_KEY: 'bonded-test-secret',
  AWS_REGION: 'us-east-1',
};
const readyWithinMs = 20_000;

let running: Promise<TestS3> | undefined;

/** The S3 server of this test process, which ends with it. Its credentials are set in the environment. */
export function startS3(): Promise<TestS3> {
  Object.assign(process.env, s3Environment);
  running ??= startOwnS3();
  return running;
}

/** An S3 server that may be killed. */
export interface OwnS3 extends TestS3, AsyncDisposable {
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again over the same folder, at the same address. */
  start(): Promise<void>;
}

/** An S3 server of the caller's own, which ends with this process at the latest. */
export async function startOwnS3(): Promise<OwnS3> {
  const home = await mkdtemp(join(tmpdir(), 'bonded-s3-'));
  let port = freePort();
  let server: Subprocess | undefined;
  const end = () => {
    server?.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  };
  process.prependListener('exit', end);
  // Somebody else may take the port between our look and the server's bind.
  server = await serve(home, port).catch(() => serve(home, (port = freePort())));
  const kill = async () => {
    server!.kill('SIGKILL');
    await server!.exited;
  };
  let buckets = 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    home,
    async bucket() {
      // A folder at the top is a bucket.
      const name = `bonded-${process.pid}-${buckets++}`;
      await mkdir(join(home, name));
      return name;
    },
    kill,
    async start() {
      server = await serve(home, port);
    },
    async [Symbol.asyncDispose]() {
      await kill();
      process.off('exit', end);
      end();
    },
  };
}

/** What is in a bucket, past the code under test. */
export interface BucketContents {
  /** Bytes of each object, by key. */
  objects: Map<string, number>;
  /** Keys of multipart uploads that are open. */
  multiparts: string[];
}

export async function contentsOf({ endpoint }: TestS3, bucket: string): Promise<BucketContents> {
  const { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } = await import('@aws-sdk/client-s3');
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = s3Environment;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
  const objects = new Map<string, number>();
  for (let token: string | undefined; ;) {
    const next = token === undefined ? {} : { ContinuationToken: token };
    const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, ...next }));
    for (const { Key, Size } of page.Contents ?? []) objects.set(Key!, Size!);
    token = page.NextContinuationToken;
    if (token === undefined) break;
  }
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  client.destroy();
  return { objects, multiparts: Uploads.map(({ Key }) => Key!) };
}

/** Everything that is in a bucket of `startS3`: keys of objects, and of open multipart uploads. */
export async function listBucket(bucket: string): Promise<string[]> {
  const { objects, multiparts } = await contentsOf(await startS3(), bucket);
  return [...objects.keys(), ...multiparts.map((key) => `${key} (open multipart upload)`)].toSorted();
}

async function serve(home: string, port: number): Promise<Subprocess> {
  const program = Bun.which('versitygw');
  if (!program) throw new Error('versitygw is not installed; .ci/run --tools builds it');
  // The death signal ends it with us, even when we are killed.
  const server = Bun.spawn(
    ['setpriv', '--pdeathsig=KILL', program, '--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', 'posix', home],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: home,
        ROOT_ACCESS_KEY_ID: s3Environment.AWS_ACCESS_KEY_ID,
        ROOT_SECRET_ACCESS_KEY: s3Environment.AWS_SECRET_ACCESS_KEY,
      },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
    },
  );
  server.unref();
  const until = Date.now() + readyWithinMs;
  while (Date.now() < until && server.exitCode === null) {
    if (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) return server;
    await Bun.sleep(20);
  }
  server.kill('SIGKILL');
  throw new Error('versitygw did not start');
}

function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
