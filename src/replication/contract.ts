import { z } from 'zod';
import { apiVersions, resourceType } from '../operations/index.ts';

/** A region of a registry (acr §4.2). */
export const replicationType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'registries/replications',
  description:
    'A region that a registry is to be in; its name is that of the region. The home region is there always. Nothing is copied ' +
    'yet: what is said here is kept for when it is.',
  name: { pattern: /^[a-zA-Z0-9]{5,50}$/, says: '5 to 50 letters and digits: the name of its region' },
  apiVersions: apiVersions.containerRegistry,
  top: { location: 'required', tags: true },
  properties: z.object({
    regionEndpointEnabled: z
      .boolean()
      .default(true)
      .describe('Whether clients are led to this region. Its content is kept up to date in any case.'),
    zoneRedundancy: z
      .enum(['Enabled', 'Disabled'])
      .default('Disabled')
      .refine(
        (given) => given === 'Disabled',
        'must be Disabled: how many zones a region is in is said by where its processes, its database and its bucket are',
      )
      .describe('`Disabled`.'),
  }),
  readOnly: z.object({
    provisioningState: z.string(),
    status: z.object({ displayStatus: z.string(), message: z.string(), timestamp: z.string() }),
  }),
  fixed: ['zoneRedundancy'],
  feature: 'geoReplication',
  limit: 'geoReplications',
  most: 100,
});
