import { z } from 'zod';
import { apiVersions, resourceType } from '../operations/index.ts';

const impacts = ['High', 'Medium', 'Low'] as const;

/** What the advisor recommends, in the form of Azure Advisor. */
export const recommendationType = resourceType({
  namespace: 'Microsoft.Advisor',
  path: 'recommendations',
  description: 'Something that makes the server or what it manages safer, or faster. It goes when its cause does.',
  name: {
    pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    says: 'the form of a GUID',
  },
  apiVersions: apiVersions.advisor,
  scope: 'extension',
  verbs: ['get', 'list'],
  properties: z.object({}),
  readOnly: z.object({
    category: z.enum(['Security', 'Performance']),
    impact: z.enum(impacts),
    impactedField: z.string().describe('Type of what is meant.'),
    impactedValue: z.string().describe('Its name.'),
    lastUpdated: z.string(),
    recommendationTypeId: z.string().describe('The same for all that one check finds.'),
    shortDescription: z.object({ problem: z.string(), solution: z.string() }),
    resourceMetadata: z.object({ resourceId: z.string() }),
    remediation: z.object({
      commands: z.array(z.string()).describe('End it, run one after the other.'),
      settings: z.record(z.string(), z.string().nullable()).describe('End it at the next start; null: take it out.'),
    }),
    extendedProperties: z.object({
      check: z.string().describe('Its name, which stays the same.'),
      title: z.string(),
    }),
  }),
});

export type Recommendation = z.output<typeof recommendationType.readOnly>;
