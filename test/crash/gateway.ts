import { renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type BucketContents, contentsOf, startOwnS3 } from '../support/s3.ts';

/*
 * An S3 server that is killed at random, too. What it acknowledged survives that, because files are written before an
 * answer, and the page cache outlives it. But versitygw does not finish what it was about, as AWS does, nor undo it:
 *
 *   .sgwtmp/multipart/<key's hash>/<upload>.<etag>-<parts>.inprogress
 *       a multipart upload that was being completed. Its parts can neither be completed nor be listed any more, while
 *       completing it again is answered with success
 *   .<name>.sgwtmp.<number>
 *       a second name of a file that was about to replace another. It is listed as an object
 *
 * Both are mended before it starts again, so that what is found afterwards is what the server under test left.
 */
export interface Gateway extends AsyncDisposable {
  readonly endpoint: string;
  readonly bucket: string;
  /** Of the bucket: each object is a file below. */
  readonly folder: string;
  contents(): Promise<BucketContents>;
  /** Kills it, in the midst of a completion if one comes in time (ms), and starts it again after a while (ms). */
  fail(completionWithinMs: number, awayMs: number): Promise<void>;
  /** Whether a request that began then (ms) may have met it while it was away. */
  wasAwaySince(began: number): boolean;
  /** How often it was killed, and what of its own it left by that. */
  readonly kills: Readonly<Record<'total' | 'completing' | 'replacing', number>>;
}

export async function startGateway(): Promise<Gateway> {
  const s3 = await startOwnS3();
  const bucket = await s3.bucket();
  const folder = join(s3.home, bucket);
  const kills = { total: 0, completing: 0, replacing: 0 };
  let lastAway = 0;
  return {
    endpoint: s3.endpoint,
    bucket,
    folder,
    contents: () => contentsOf(s3, bucket),
    async fail(completionWithinMs, awayMs) {
      for (const until = performance.now() + completionWithinMs; performance.now() < until; await Bun.sleep(1)) {
        if (completing(folder).length > 0) break;
      }
      lastAway = Number.POSITIVE_INFINITY;
      await s3.kill();
      kills.total++;
      kills.completing += mendCompleting(folder);
      kills.replacing += mendReplacing(folder);
      await Bun.sleep(awayMs);
      await s3.start();
      lastAway = Date.now();
    },
    wasAwaySince: (began) => began <= lastAway,
    kills,
    [Symbol.asyncDispose]: () => s3[Symbol.asyncDispose](),
  };
}

const completing = (folder: string) => glob('.sgwtmp/multipart/*/*.inprogress', folder, false);

/** Opens again what was being completed; where parts of it are gone, the object is there. */
function mendCompleting(folder: string): number {
  const found = completing(folder);
  for (const path of found) {
    const [, upload, parts] = /^([^.]+)\..*-(\d+)\.inprogress$/.exec(basename(path))!;
    const there = new Set(glob('*', path).map((part) => basename(part)));
    const whole = Array.from({ length: Number(parts) }, (_, index) => `${index + 1}`).every((part) => there.has(part));
    if (whole) renameSync(path, join(dirname(path), upload!));
    else rmSync(path, { recursive: true });
  }
  return found.length;
}

function mendReplacing(folder: string): number {
  const found = glob('**/.*.sgwtmp.*', folder);
  for (const path of found) rmSync(path);
  return found.length;
}

function glob(pattern: string, folder: string, onlyFiles = true): string[] {
  return [...new Bun.Glob(pattern).scanSync({ cwd: folder, dot: true, absolute: true, onlyFiles })];
}
