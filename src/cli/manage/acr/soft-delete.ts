import { buildRouteMap } from '@stricli/core';
import { registryType } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import type { Connection } from '../connect.ts';
import { confirmFlag, type ConfirmFlag, registryFlag, type RegistryFlag } from '../flags.ts';

const aliases = { r: 'registry' } as const;
const columns = { Status: 'status', Days: 'retentionDays', LastUpdated: "lastUpdatedTime || ''" };

/** As it is where nobody has said anything. */
const unset = { status: 'disabled', retentionDays: 7 } as const;

async function policyOf({ client, registry }: Connection, flags: RegistryFlag) {
  const at = [await registry(flags.registry)];
  const { properties } = await client.get(registryType, at);
  return { at, policy: properties.policies?.softDeletePolicy ?? unset };
}

const show = manageCommand<RegistryFlag>({
  brief: 'Show whether deleted manifests are kept, and for how long',
  examples: ['acr config soft-delete show', 'acr config soft-delete show --registry teamb --query retentionDays'],
  flags: registryFlag,
  aliases,
  columns,
  run: async (connection, flags) => (await policyOf(connection, flags)).policy,
});

const update = manageCommand<RegistryFlag & ConfirmFlag & { status?: 'enabled' | 'disabled'; days?: number }>({
  brief: 'Say whether deleted manifests are kept, and for how long',
  details:
    'Says whether manifests that are deleted from now on are kept, so that they can be restored, and for how many days whatever ' +
    'is kept. What was deleted before the policy is turned off stays restorable for as long. Fewer days may let some of ' +
    'it go at once, so that is asked.',
  examples: [
    'acr config soft-delete update --status enabled --days 14',
    'acr config soft-delete update --registry teamb --status disabled',
  ],
  flags: {
    ...registryFlag,
    status: { kind: 'enum', values: ['enabled', 'disabled'], optional: true, brief: 'Whether they are kept' },
    days: {
      kind: 'parsed',
      parse: daysOf,
      optional: true,
      placeholder: '1-90',
      brief: 'For how many days (default 7)',
    },
    ...confirmFlag,
  },
  aliases: { ...aliases, y: 'yes' },
  columns,
  async run(connection, flags) {
    const { status, days } = flags;
    if (status === undefined && days === undefined) throw new UsageError('say what is to change: --status or --days');
    const { at, policy } = await policyOf(connection, flags);
    if (days !== undefined && days < policy.retentionDays)
      await confirm(connection, flags, `letting go of what was deleted more than ${days} days ago`);
    const softDeletePolicy = {
      ...(status !== undefined && { status }),
      ...(days !== undefined && { retentionDays: days }),
    };
    const { properties } = await connection.client.patch(registryType, at, {
      properties: { policies: { softDeletePolicy } },
    });
    return properties.policies?.softDeletePolicy;
  },
});

function daysOf(text: string): number {
  const days = Number(text);
  if (/^[0-9]{1,2}$/.test(text) && days >= 1 && days <= 90) return days;
  throw new Error('it is a number of days from 1 to 90');
}

/** More settings of a registry, as `az acr config` names them, go here. */
export const configRoutes = buildRouteMap({
  routes: {
    softDelete: buildRouteMap({
      routes: { show, update },
      docs: { brief: 'Whether deleted manifests are kept' },
    }),
  },
  docs: { brief: 'Policies of a registry' },
});
