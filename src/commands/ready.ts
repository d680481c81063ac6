import { buildCommand } from '@stricli/core';
import { type Context, describe, fail } from '../cli/index.ts';
import { tlsOf } from '../configuration.ts';
import { askHere } from '../outbound/index.ts';
import { type ConfigFlags, configFlags, loadFor } from './load.ts';

export const ready = buildCommand<ConfigFlags, [], Context>({
  docs: {
    brief: 'Ask the server on this machine whether it can serve',
    fullDescription: describe(
      'Asks /readyz at the configured address and ends with code 0 when it is ready, else with 1. For health checks ' +
        'where there is no other client, as in the container image.',
      ['ready', 'ready --config bonded.yaml'],
    ),
  },
  parameters: { flags: configFlags },
  async func(flags) {
    const config = loadFor(this, flags)?.value;
    if (!config) return;
    const { host, port } = config.listen;
    const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    try {
      const { ok, text } = await askHere(`${tlsOf(config) ? 'https' : 'http'}://${place}/readyz`);
      if (ok) this.write(text);
      else fail(this, `the server at ${place} is not ready: ${text}`);
    } catch (error) {
      fail(this, `no answer from ${place}: ${(error as Error).message}`);
    }
  },
});
