import { registryType } from '../../../registries/index.ts';
import { manageCommand } from '../command.ts';
import { textFlag } from '../flags.ts';

interface Endpoints {
  loginServer: string | undefined;
  dataEndpoints: { region: string; endpoint: string }[];
}

/** Prints the hosts of a registry, in the form of `az acr show-endpoints` (acr §4.2). */
export const showEndpoints = manageCommand<{ name?: string }>({
  brief: 'Show the hosts by which clients reach a registry',
  details:
    'Shows the hosts that a firewall of clients has to let through: the login server, and the data endpoints where the ' +
    'registry has them.',
  examples: [
    'acr show-endpoints --name teamb',
    "acr show-endpoints -n teamb --query 'dataEndpoints[].endpoint' -o tsv",
  ],
  flags: { name: { ...textFlag, placeholder: 'name', brief: 'Registry (default: the one of the server)' } },
  aliases: { n: 'name' },
  columns: { LoginServer: 'loginServer', DataEndpoints: "join(', ', dataEndpoints[].endpoint)" },
  async run({ client, registry }, flags): Promise<Endpoints & { regionalEndpoints: never[] }> {
    const { properties } = await client.get(registryType, [await registry(flags.name)]);
    const hosts = properties.dataEndpointHostNames ?? [];
    return {
      loginServer: properties.loginServer,
      dataEndpoints: hosts.map((endpoint) => ({ region: endpoint.split('.')[1] ?? '', endpoint })),
      regionalEndpoints: [],
    };
  },
});
