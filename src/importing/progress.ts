import type { Digest } from '../oci/index.ts';
import type { Progress } from '../operations/index.ts';

/** How often progress is written down (ms). */
const everyMs = 1000;

interface Amount {
  done: number;
  total: number;
}

/** How far an import is, as its operation shows it. */
export interface ImportProgress extends Progress {
  /** What the source's reference meant when the import began: it goes on with that, whatever the tag means now. */
  digest: Digest | undefined;
  phase: 'planning' | 'copying' | 'tagging';
  /** The repository that is being filled, and how many are filled. */
  repository: string;
  repositories: Amount;
  manifests: Amount;
  blobs: Amount;
  /** Of blobs. */
  bytes: Amount;
}

export interface ImportMeter {
  readonly now: ImportProgress;
  /** Changes what is known, and writes it down: at once where it is `said`, else once a second. */
  change(by: Partial<ImportProgress>, said?: boolean): Promise<void>;
  /** Counts bytes; where they have to come again, less. */
  received(bytes: number): void;
}

export function createImportMeter(
  repositories: number,
  report: (progress: Progress) => Promise<void>,
  now: () => number = () => performance.now(),
): ImportMeter {
  const none = { done: 0, total: 0 };
  const progress: ImportProgress = {
    percentComplete: 0,
    digest: undefined,
    phase: 'planning',
    repository: '',
    repositories: { done: 0, total: repositories },
    manifests: none,
    blobs: none,
    bytes: none,
  };
  let saidAt = Number.NEGATIVE_INFINITY;

  async function say(): Promise<void> {
    saidAt = now();
    // What has been said is never taken back: bytes may have to come again.
    progress.percentComplete = Math.max(progress.percentComplete, percentOf(progress));
    await report({ ...progress });
  }

  return {
    now: progress,
    async change(by, said = false) {
      Object.assign(progress, by);
      // What was to be gone on with is not yet known before the digest is.
      if (said || (progress.digest !== undefined && now() - saidAt >= everyMs)) await say();
    },
    received(bytes) {
      progress.bytes = { ...progress.bytes, done: Math.max(0, progress.bytes.done + bytes) };
    },
  };
}

/** 100 is for what has ended. Manifests and blobs count as 64 KiB, which is about what a request costs. */
function percentOf({ phase, repositories, manifests, blobs, bytes }: ImportProgress): number {
  const weight = (part: 'done' | 'total') => bytes[part] + 65_536 * (manifests[part] + blobs[part]);
  const total = weight('total');
  const share = phase === 'planning' || total === 0 ? 0 : Math.min(1, weight('done') / total);
  return Math.min(99, Math.floor((100 * (repositories.done + share)) / Math.max(1, repositories.total)));
}
