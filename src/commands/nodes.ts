import { buildCommand } from '@stricli/core';
import { openFacts } from '../app/index.ts';
import { type Context, describe, fail } from '../cli/index.ts';
import { listNodes } from '../jobs/index.ts';
import { type ConfigFlags, configFlags, loadFor } from './load.ts';

export const nodes = buildCommand<ConfigFlags, [], Context>({
  docs: {
    brief: 'List the nodes that work on one PostgreSQL database',
    fullDescription: describe(
      'One line each, separated by tabs: number, machine and process, alive or silent, seconds since it started, seconds ' +
        'since its last heartbeat, and the jobs that it does for all.',
      ['nodes --config bonded.yaml'],
    ),
  },
  parameters: { flags: configFlags },
  async func(flags) {
    const config = loadFor(this, flags)?.value;
    if (!config) return;
    if (config.database.url === undefined) {
      fail(this, 'there are nodes only where facts are in PostgreSQL; name it by database.url');
      return;
    }
    await using facts = await openFacts(config);
    const seconds = (ms: number) => Math.round(ms / 1000);
    for (const { id, name, alive, ageMs, silentMs, leases } of await listNodes(facts.db)) {
      const state = alive ? 'alive' : 'silent';
      this.write([id, name, state, seconds(ageMs), seconds(silentMs), leases.join(',') || '-'].join('\t'));
    }
  },
});
