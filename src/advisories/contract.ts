import { z } from 'zod';
import { action, apiVersions, resourceType } from '../operations/index.ts';
import { feedSources } from './config.ts';

const count = (says: string) => z.number().describe(says);

const feed = z.object({
  name: z.string().describe('Such as `osv/Debian`.'),
  origin: z.string().describe('Where it came from last.'),
  licence: z.string(),
  records: count('Advisories of it that are known.'),
  refused: count('Those of the last whole import that were left out, because they are malformed or beyond a bound.'),
  revision: count('Of its last change.'),
  lastSuccess: z.string().optional().describe('When it was up to date last.'),
  lastChange: z
    .string()
    .optional()
    .describe(
      'When it was found to say something new last. Not of `bundle` and `trivy-db`, whose parts are sources of their own.',
    ),
  lastAttempt: z.string().optional(),
  lastError: z.string().optional().describe('Why the last attempt failed, or what it left undone.'),
  ageSeconds: z.number().optional().describe('Since it was up to date.'),
  stale: z.boolean().describe('Whether that is longer than `advisories.maxAge`, or never was.'),
});

export const syncInput = z.object({
  sources: z
    .array(z.enum(feedSources))
    .max(feedSources.length)
    .optional()
    .describe('Which are brought up to date; default: those of `advisories.sources`.'),
  ecosystems: z
    .array(z.string().min(1).max(100))
    .max(100)
    .optional()
    .describe('Beside those that images have packages of. With a file, the one that it is of.'),
  url: z.string().max(2048).optional().describe('A file of advisories, which the server fetches.'),
  artifact: z
    .string()
    .max(512)
    .optional()
    .describe(
      'An artifact that holds advisories: HOST/REPOSITORY:TAG of any registry; with `registry`, REPOSITORY:TAG or ' +
        'REPOSITORY@DIGEST.',
    ),
  registry: z.string().max(64).optional().describe('The registry of this server that the artifact is in.'),
  force: z
    .boolean()
    .default(false)
    .describe(
      'Fetches what has not changed, too, and believes an export that has far fewer advisories than are known.',
    ),
});
export type SyncInput = z.output<typeof syncInput>;

export const outcomeOfFeed = z.object({
  feed: z.string(),
  records: count('That were looked at.'),
  added: z.number(),
  changed: z.number(),
  removed: z.number(),
  refused: z.number(),
  components: count('Times that what is known against a component has changed.'),
  unchanged: z.boolean().optional(),
  reasons: z.array(z.string()).optional().describe('Why the first records were left out.'),
});

export const syncAdvisories = action({
  description:
    'Brings advisories up to date: from the configured sources, from a file that the server fetches, or from an artifact. ' +
    'What fails takes nothing away.',
  input: syncInput,
  output: z.object({
    revision: z.number(),
    feeds: z.array(outcomeOfFeed),
    failed: z.array(z.object({ feed: z.string(), error: z.string() })),
  }),
  longRunning: true,
});

export const exportAdvisories = action({
  description:
    'Writes all advisories into a repository of this server, as an artifact that another server can be brought up to date from. ' +
    'The same knowledge gives the same digest.',
  input: z.object({
    registry: z.string().max(64).describe('The registry that gets it.'),
    image: z.string().max(512).describe('REPOSITORY or REPOSITORY:TAG.'),
    feeds: z.array(z.string().max(200)).max(1000).optional().describe('Only these; default: all.'),
  }),
  output: z.object({
    digest: z.string(),
    bytes: count('Of all layers.'),
    revision: z.number(),
    feeds: z.array(z.string()),
  }),
  longRunning: true,
});

export const removeAdvisories = action({
  description:
    'Takes sources away with all that is known by them. One that `advisories.sources` still names comes back the next time.',
  input: z.object({ feeds: z.array(z.string().min(1).max(250)).min(1).max(1000).describe('Their names.') }),
  output: z.object({ revision: z.number(), removed: z.array(z.string()) }),
  longRunning: true,
});

/** What is known of vulnerabilities. There is one, which nobody makes or deletes. */
export const advisoryDatabaseType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'advisoryDatabases',
  description: 'What the server knows of vulnerabilities, and how fresh that is. There is one, called default.',
  name: { pattern: /^default$/i, says: 'one form: default' },
  apiVersions: apiVersions.containerRegistry,
  verbs: ['get', 'list'],
  properties: z.object({}),
  readOnly: z.object({
    revision: count('Of all that is known; it grows with each change.'),
    records: count('Advisories that are known.'),
    stale: z.boolean().describe('Whether a source is; without any, true.'),
    refresh: z.boolean().describe('Whether the server fetches them by itself.'),
    ecosystems: z
      .array(z.object({ name: z.string(), lastSuccess: z.string().optional() }))
      .describe(
        'What images have packages of, with when a source of it was up to date; without that, nothing is known of it.',
      ),
    feeds: z.array(feed),
  }),
  actions: { sync: syncAdvisories, export: exportAdvisories, remove: removeAdvisories },
});

export const advisoryDatabaseName = 'default';
