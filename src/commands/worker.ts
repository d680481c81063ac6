import { buildCommand } from '@stricli/core';
import type { Context } from '../cli/index.ts';
import { runWorker } from '../processes/index.ts';

/** Not for people: `serve` starts it, and tells it everything over its channel. */
export const worker = buildCommand<object, [], Context>({
  docs: { brief: 'One of the processes of a server' },
  parameters: {},
  func: () => runWorker(),
});
