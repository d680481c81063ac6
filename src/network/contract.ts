import { z } from 'zod';
import { action, apiVersions, resourceType } from '../operations/index.ts';

export const connectionStatuses = ['Pending', 'Approved', 'Rejected', 'Disconnected'] as const;
export type ConnectionStatus = (typeof connectionStatuses)[number];

const dnsRecord = z.object({
  name: z.string().describe('Within the zone.'),
  type: z.enum(['A', 'AAAA', 'CNAME']),
  ttl: z.int(),
  value: z.string(),
});
const dnsZone = z.object({ zone: z.string(), records: z.array(dnsRecord) });
export type DnsZone = z.output<typeof dnsZone>;

/** A private endpoint of a registry (acr §4.3), and how requests by it are known. */
export const connectionType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'registries/privateEndpointConnections',
  description: 'A way into a registry beside the public one, once its owner has approved it.',
  name: { pattern: /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}$/, says: '1 to 128 letters, digits, ., - and _' },
  apiVersions: apiVersions.containerRegistry,
  properties: z.object({
    privateEndpoint: z
      .object({ id: z.string().max(2048).optional() })
      .optional()
      .describe('What it is called where it was made.'),
    privateLinkServiceConnectionState: z
      .object({
        status: z.enum(connectionStatuses).default('Pending'),
        description: z.string().max(1024).default(''),
        actionsRequired: z.string().max(256).default('None'),
      })
      .prefault({})
      .describe('Only by an Approved one anybody gets in.'),
    listener: z
      .string()
      .regex(/^[A-Za-z0-9.:[\]-]{1,128}$/, 'must be a name or address:port of network.listeners')
      .optional()
      .describe('The listener that it leads to: its name or address:port in `network.listeners`.'),
    linkId: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'must be the id of a link, such as vpce-08d2bf15fac5001c9')
      .optional()
      .describe('The id of its link, as a trusted proxy says it in the header `network.linkHeader`.'),
  }),
  readOnly: z.object({ provisioningState: z.string(), groupIds: z.array(z.string()) }),
  most: 1000,
  feature: 'privateEndpoints',
  limit: 'privateEndpoints',
  actions: {
    listDnsRecords: action({
      description: 'The records that the private network needs, so that clients there reach the registry by it.',
      permission: 'Microsoft.ContainerRegistry/registries/privateEndpointConnections/read',
      input: z.object({
        ipAddresses: z
          .array(z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' }))
          .max(20)
          .optional()
          .describe('Of the endpoint in that network; those of its listener by default.'),
      }),
      output: z.object({ zones: z.array(dnsZone) }),
    }),
  },
});

/** What private endpoints of a registry can lead to: there is one (acr §4.3). */
export const linkResourceType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'registries/privateLinkResources',
  description: 'What a private endpoint of a registry leads to, and the names that it needs.',
  name: { pattern: /^registry$/, says: 'the one value registry' },
  apiVersions: apiVersions.containerRegistry,
  verbs: ['get', 'list'],
  properties: z.object({}),
  readOnly: z.object({
    groupId: z.string(),
    requiredMembers: z.array(z.string()),
    requiredZoneNames: z.array(z.string()),
  }),
});

export const networkTypes = [connectionType, linkResourceType] as const;
