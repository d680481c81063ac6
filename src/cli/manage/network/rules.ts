import { buildRouteMap } from '@stricli/core';
import type { PropertiesOf } from '../../../operations/index.ts';
import { parseIpRange, type NetworkScope, networkScopes, registryType } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import type { Connection } from '../connect.ts';
import { textFlag } from '../flags.ts';
import { allWords, wordsFlag } from '../words.ts';

type RuleSet = PropertiesOf<typeof registryType>['networkRuleSet'];
type Rule = RuleSet['ipRules'][number];

interface RegistryName {
  name?: string;
}
interface Addresses extends RegistryName {
  ipAddress?: (readonly string[])[];
}

const name = { ...textFlag, placeholder: 'name', brief: 'Registry (default: the one of the server)' } as const;
const ipAddress = {
  ...wordsFlag,
  placeholder: 'address…',
  brief: 'IPv4 or IPv6 addresses, or ranges such as 203.0.113.0/24',
} as const;
const aliases = { n: 'name' } as const;
const columns = { Action: 'action', IpAddress: 'value', Scope: "join(', ', scope)" };

const add = manageCommand<Addresses & { scope?: (readonly string[])[] }>({
  brief: 'Let addresses in by the public way',
  details:
    'Adds rules of addresses that get in by the public way. They count where the default action of the registry is Deny. A ' +
    'rule for an address or range that has one already takes its place.',
  examples: [
    'acr network-rule add --name teamb --ip-address 203.0.113.0/24 2001:db8::/32',
    'acr network-rule add -n teamb --ip-address 198.51.100.7 --scope pull',
  ],
  flags: {
    name,
    ipAddress,
    scope: {
      ...wordsFlag,
      placeholder: 'scope…',
      brief: `What is allowed, of ${networkScopes.join(', ')} (default: all)`,
    },
  },
  aliases,
  columns,
  async run(connection, flags) {
    const values = addressesOf(flags);
    const scope = allWords(flags.scope) as NetworkScope[] | undefined;
    return change(connection, flags.name, (rules) => [
      ...rules.filter(({ value }) => !values.some((other) => isSame(value, other))),
      ...values.map((value): Rule => ({ action: 'Allow', value, ...(scope && { scope }) })),
    ]);
  },
});

const remove = manageCommand<Addresses>({
  brief: 'Let addresses in no longer',
  examples: ['acr network-rule remove --name teamb --ip-address 203.0.113.0/24'],
  flags: { name, ipAddress },
  aliases,
  columns,
  async run(connection, flags) {
    const values = addressesOf(flags);
    return change(connection, flags.name, (rules) => {
      const missing = values.find((value) => !rules.some((rule) => isSame(rule.value, value)));
      if (missing !== undefined) {
        throw new Error(`there is no network rule for ${missing}; bonded acr network-rule list shows what there is`);
      }
      return rules.filter(({ value }) => !values.some((other) => isSame(value, other)));
    });
  },
});

const list = manageCommand<RegistryName>({
  brief: 'List the network rules of a registry',
  examples: ['acr network-rule list --name teamb', 'acr network-rule list -n teamb -o table'],
  flags: { name },
  aliases,
  columns,
  async run({ client, registry }, flags) {
    const { properties } = await client.get(registryType, [await registry(flags.name)]);
    return shown(properties.networkRuleSet);
  },
});

function addressesOf({ ipAddress: given }: Addresses): string[] {
  const values = allWords(given) ?? [];
  if (values.length === 0) throw new UsageError('--ip-address: give at least one address or range');
  for (const value of values) {
    const range = parseIpRange(value);
    if (typeof range === 'string') throw new UsageError(`--ip-address: ${JSON.stringify(value)} ${range}`);
  }
  return values;
}

/** Whether two texts are one range. */
function isSame(one: string, other: string): boolean {
  return Bun.deepEquals(parseIpRange(one), parseIpRange(other));
}

/** Changes the rules, unless somebody else has done so since they were read: then the server refuses it. */
async function change(
  { client, registry }: Connection,
  named: string | undefined,
  next: (rules: readonly Rule[]) => Rule[],
) {
  const at = [await registry(named)];
  const { properties, etag } = await client.get(registryType, at);
  const ipRules = next(properties.networkRuleSet.ipRules);
  const changed = await client.patch(
    registryType,
    at,
    { properties: { networkRuleSet: { ipRules } } },
    { ifMatch: etag },
  );
  return shown(changed.properties.networkRuleSet);
}

const shown = ({ ipRules }: RuleSet) =>
  ipRules.map(({ action, value, scope = [...networkScopes] }) => ({ action, value, scope }));

export const networkRuleRoutes = buildRouteMap({
  routes: { add, remove, list },
  docs: { brief: 'Addresses that get into a registry by the public way' },
});
