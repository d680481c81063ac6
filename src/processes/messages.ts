import type { ListenAddress } from '../config/index.ts';
import type { Configuration } from '../configuration.ts';
import type { MetricsSnapshot } from '../telemetry/index.ts';

/*
 * What a parent and its workers tell each other over IPC, beside the write token and the claims of uploads:
 *
 *   worker → parent   ready           it listens to what it is told
 *   parent → worker   order           what to be; secrets of the configuration go this way, and no other
 *   worker → parent   serving, or failed
 *   parent → worker   measure n       → worker: measured n
 *   worker → parent   render n        → parent: rendered n
 *   parent → worker   drain           repeated until it has ended
 *   worker → parent   drained         then the parent ends the channel, and with it the worker
 */

export interface WorkerOrder {
  /** With the ports that are shared. */
  config: Configuration;
  /** From 1 on. Its successor has the same. */
  worker: number;
  background: boolean;
}

export interface Addresses {
  url: string;
  metricsUrl: string | undefined;
  listenerUrls: readonly string[];
}

export type ToWorker =
  | { act: 'order'; order: WorkerOrder }
  | { act: 'measure' }
  | { act: 'rendered'; render: number; text: string }
  | { act: 'drain' };

export type FromWorker =
  | { act: 'ready' }
  | { act: 'serving'; addresses: Addresses }
  /** Also where it would have listened, if somebody else does. */
  | { act: 'failed'; reason: string; taken: ListenAddress | undefined }
  | { act: 'measured'; values: MetricsSnapshot }
  | { act: 'render'; render: number }
  | { act: 'drained'; cut: number };

/** Whether a message is one of these: the token and the claims have their own. */
export function isAct(message: unknown): message is ToWorker | FromWorker {
  return typeof message === 'object' && message !== null && 'act' in message;
}
