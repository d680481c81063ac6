import { OutboundError } from '../outbound/index.ts';
import { ManagementClientError } from './client-error.ts';

/** An operation as it is answered. */
export interface WireOperation {
  status: string;
  percentComplete?: number;
  error?: { code: string; message: string };
  properties?: Record<string, unknown>;
}

interface FollowerOptions {
  /** Reads a path of the API. */
  look(path: string): Promise<Response>;
  sleep(ms: number): Promise<void>;
  patienceMs: number;
}

/** Bounds of the time between two looks (ms). */
const shortestMs = 100;
const longestMs = 30_000;

/** How long a server may be away while something is followed that goes on without anybody who looks (ms), and the pauses. */
const awayMs = 180_000;
const longestPauseMs = 5000;

/** Follows what is long-running (ARM, "asynchronous operations"). */
export function createFollower({ look: lookOnce, sleep, patienceMs }: FollowerOptions) {
  /** The server may be restarted meanwhile, or its database: that ends nothing. */
  async function look(path: string): Promise<Response> {
    let waited = 0;
    for (let ms = 500; ; ms = Math.min(longestPauseMs, ms * 2)) {
      try {
        return await lookOnce(path);
      } catch (error) {
        waited += ms;
        if (waited > awayMs || !isAway(error)) throw error;
      }
      await sleep(ms);
    }
  }

  /** Looks again until `isOver`. */
  async function watch(
    first: Response,
    link: string,
    isOver: (answer: Response) => Promise<boolean>,
  ): Promise<Response> {
    let waited = 0;
    for (let last = first; ;) {
      const ms = pauseOf(last);
      waited += ms;
      if (waited > patienceMs) throw tooLong();
      await sleep(ms);
      last = await look(pathOf(link));
      if (await isOver(last)) return last;
    }
  }

  return {
    /** Whether there was anything to follow; resolves once it has succeeded, and throws where it has not. */
    async ended(answer: Response): Promise<boolean> {
      const link = answer.headers.get('azure-asyncoperation');
      if (link === null) return false;
      await watch(answer, link, async (looked) => isTerminal(await looked.clone().json()));
      return true;
    },

    /** Looks at the status of an operation until it has succeeded, however long that takes; throws where it has not. */
    async operation(path: string, looked: (operation: WireOperation) => void): Promise<WireOperation> {
      for (;;) {
        const answer = await look(path);
        const operation = (await answer.clone().json()) as WireOperation;
        looked(operation);
        if (isTerminal(operation)) return operation;
        await sleep(pauseOf(answer));
      }
    },

    /** The answer of an action, whenever it comes. */
    async result(answer: Response): Promise<Response> {
      const link = answer.status === 202 ? answer.headers.get('location') : null;
      return link === null ? answer : watch(answer, link, async ({ status }) => status !== 202);
    },
  };
}

/** A server that does not answer now, or what stands in front of it. */
function isAway(error: unknown): boolean {
  if (error instanceof ManagementClientError) return [429, 502, 503, 504].includes(error.status);
  const reason = [error, (error as { cause?: unknown }).cause].find((one) => one instanceof OutboundError)?.reason;
  return reason === 'unreachable' || reason === 'timed_out';
}

function isTerminal(body: unknown): boolean {
  const { status, error } = body as WireOperation;
  if (status === 'Failed' || status === 'Canceled') {
    throw new ManagementClientError(200, error ?? { code: status, message: `the operation has ended: ${status}` });
  }
  return status === 'Succeeded';
}

function pauseOf({ headers }: Response): number {
  const seconds = Number(headers.get('retry-after') ?? 1);
  return Math.min(longestMs, Math.max(shortestMs, Number.isFinite(seconds) ? seconds * 1000 : 1000));
}

function tooLong(): ManagementClientError {
  return new ManagementClientError(200, {
    code: 'OperationTimedOut',
    message: 'the operation is still under way; look at the resource later',
  });
}

/** Path and query of a link: which host it names is not for an answer to say. */
export function pathOf(link: string): string {
  const { pathname, search } = new URL(link, 'http://localhost');
  return `${pathname}${search}`;
}
