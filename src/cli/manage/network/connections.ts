import { buildRouteMap } from '@stricli/core';
import { connectionType, type ConnectionStatus, type DnsZone } from '../../../network/index.ts';
import { UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import { type NameFlag, registryFlag, type RegistryFlag, requiredText, textFlag } from '../flags.ts';
import { namedCommands } from '../named-commands.ts';
import { flat } from '../present.ts';
import { allWords, wordsFlag } from '../words.ts';
import { zoneFile } from './zone-file.ts';

type Named = NameFlag & RegistryFlag;

const name = { ...requiredText, placeholder: 'name', brief: 'Private endpoint connection' } as const;
const target = { name, ...registryFlag };
const aliases = { n: 'name', r: 'registry' } as const;
const columns = {
  Name: 'name',
  Status: 'privateLinkServiceConnectionState.status',
  KnownBy: "listener && join('', ['listener ', listener]) || join('', ['link ', linkId || ''])",
  Description: 'privateLinkServiceConnectionState.description',
};
const description = { ...textFlag, placeholder: 'text', brief: 'Why, for others to read' } as const;

const named = namedCommands({
  type: connectionType,
  name,
  columns,
  list: {
    brief: 'List the private endpoint connections of a registry',
    examples: ['acr private-endpoint-connection list', 'acr private-endpoint-connection list -r teamb -o table'],
  },
  show: {
    brief: 'Show a private endpoint connection',
    examples: ['acr private-endpoint-connection show --name office'],
  },
  remove: {
    brief: 'Delete a private endpoint connection',
    examples: ['acr private-endpoint-connection delete --name office --yes'],
    asks: (connection) => `deleting the private endpoint connection ${connection}`,
  },
});

const create = manageCommand<Named & { listener?: string; linkId?: string; approve: boolean; description?: string }>({
  brief: 'Make a private endpoint connection',
  details:
    'Says by what requests of a private endpoint are known: the listener that it leads to, or the id of its link, as a ' +
    'trusted proxy says it. It is Pending, and nobody gets in by it, until it is approved.',
  examples: [
    'acr private-endpoint-connection create --name office --listener 10.1.0.5:5443',
    'acr private-endpoint-connection create -n partner --link-id vpce-08d2bf15fac5001c9 --approve',
  ],
  flags: {
    ...target,
    listener: {
      ...textFlag,
      placeholder: 'listener',
      brief: 'Name or address:port of a listener of the configuration',
    },
    linkId: { ...textFlag, placeholder: 'id', brief: 'Id of its private link' },
    approve: { kind: 'boolean', default: false, withNegated: false, brief: 'Approve it at once' },
    description,
  },
  aliases,
  columns,
  async run({ client, registry }, flags) {
    const { listener, linkId, approve, description: text } = flags;
    if ((listener === undefined) === (linkId === undefined))
      throw new UsageError('give either --listener or --link-id');
    const state = {
      status: approve ? ('Approved' as const) : ('Pending' as const),
      ...(text && { description: text }),
    };
    const properties = {
      ...(listener !== undefined && { listener }),
      ...(linkId !== undefined && { linkId }),
      privateLinkServiceConnectionState: state,
    };
    return flat(await client.put(connectionType, [await registry(flags.registry), flags.name], { properties }));
  },
});

const approve = decision('Approved', 'Approve a private endpoint connection: who comes by it gets in', 'approve');
const reject = decision('Rejected', 'Reject a private endpoint connection: who comes by it is refused', 'reject');

function decision(status: ConnectionStatus, brief: string, verb: string) {
  return manageCommand<Named & { description?: string }>({
    brief,
    examples: [`acr private-endpoint-connection ${verb} --name office --description 'as agreed'`],
    flags: { ...target, description },
    aliases,
    columns,
    async run({ client, registry }, flags) {
      const state = { status, ...(flags.description !== undefined && { description: flags.description }) };
      const at = [await registry(flags.registry), flags.name];
      return flat(await client.patch(connectionType, at, { properties: { privateLinkServiceConnectionState: state } }));
    },
  });
}

const dns = manageCommand<Named & { ipAddress?: (readonly string[])[] }>({
  brief: 'Print the DNS records that the private network needs',
  details:
    'Prints the records by which clients of the private network reach the registry by its private endpoint, as a zone file ' +
    'or as JSON. The addresses are those of the listener, unless others are given.',
  examples: [
    'acr private-endpoint-connection dns --name office',
    'acr private-endpoint-connection dns --name partner --ip-address 10.1.2.3 2001:db8::3 -o json',
  ],
  flags: {
    ...target,
    ipAddress: { ...wordsFlag, placeholder: 'address…', brief: 'Addresses of the endpoint in that network' },
  },
  aliases,
  report: (value) => zoneFile((value as { zones: DnsZone[] }).zones),
  async run({ client, registry }, flags) {
    const at = [await registry(flags.registry), flags.name];
    const ipAddresses = allWords(flags.ipAddress);
    return client.action(connectionType, connectionType.actions.listDnsRecords, at, {
      ...(ipAddresses && { ipAddresses }),
    });
  },
});

export const connectionRoutes = buildRouteMap({
  routes: { create, ...named, approve, reject, dns },
  docs: { brief: 'Private endpoints of a registry, ways in beside the public one; private-endpoint is the same' },
});
