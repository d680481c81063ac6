import { z } from 'zod';
import { action, apiVersions, resourceType } from '../operations/index.ts';
import { severities } from '../packages/index.ts';

/*
 * What scans have found, as resources to be read:
 *
 *   REGISTRY/repositories/team%2Fapp/manifests/sha256%3A…/scans/latest     one image; its findings and SBOM are actions
 *   REGISTRY/scanning/default                                              the registry: what waits, and which images have what
 */

const pattern = /^!?(?:\*|[a-z0-9][a-z0-9._/-]*(?:\/\*)?)$/;
const time = z.string().describe('RFC 3339.');
const base = { namespace: 'Microsoft.ContainerRegistry', apiVersions: apiVersions.containerRegistry } as const;

export const summarySchema = z.object({
  critical: z.int(),
  high: z.int(),
  medium: z.int(),
  low: z.int(),
  negligible: z.int(),
  unknown: z.int(),
  fixable: z.int().describe('With a version in which it is fixed.'),
  kev: z.int().describe('Known to be exploited.'),
  malicious: z.int().describe('Packages that are hostile themselves.'),
  possible: z.int().describe('Of packages whose version is not known; in no other number.'),
});

const component = z.object({
  name: z.string().describe('As installed.'),
  version: z.string(),
  source: z.string().describe('As advisories name it.'),
  purl: z.string(),
  path: z.string().describe('Of the file that says so.'),
  layer: z.string(),
  layerIndex: z
    .int()
    .describe('From 0, the lowest; -1 where only an engine has found the package, with neither path nor layer.'),
});

export const findingSchema = z.object({
  image: z.string().describe('Digest of the image that has it.'),
  vulnerability: z.string().describe('The CVE where there is one.'),
  records: z.array(z.string()).describe('The advisories that say so.'),
  aliases: z.array(z.string()),
  severity: z.enum(severities),
  severitySource: z.string(),
  cvss: z.array(z.object({ source: z.string(), vector: z.string(), score: z.number() })),
  epss: z.object({ probability: z.number(), percentile: z.number() }).optional(),
  kev: z.object({ dateAdded: z.string() }).optional(),
  malicious: z.boolean(),
  possible: z.boolean().describe('The version of the package is not known.'),
  component,
  fix: z.object({ state: z.enum(['fixed', 'not-fixed', 'wont-fix', 'unknown']), version: z.string().optional() }),
  summary: z.string(),
  references: z.array(z.string()),
  sources: z.array(z.object({ name: z.string(), licence: z.string().optional() })),
  engines: z
    .array(z.string())
    .describe('Who says so: `native`, this server by its advisories, and engines by their names.'),
  firstSeen: time.describe('When this image was first found to have it.'),
});
export type FindingView = z.output<typeof findingSchema>;

export const findingsInput = z.object({
  severity: z.enum(severities).optional().describe('Only those as bad, or worse.'),
  fixable: z.boolean().optional(),
  vulnerability: z.string().max(200).optional().describe('Only this one, by any of its ids.'),
  skip: z.int().min(0).max(1_000_000).default(0),
  top: z.int().min(1).max(1000).default(200),
});
export type FindingsInput = z.output<typeof findingsInput>;

export const scanType = resourceType({
  ...base,
  path: 'registries/repositories/manifests/scans',
  description: 'What is known of an image. There is one, called latest.',
  name: { pattern: /^latest$/i, says: 'one form: latest' },
  rightsAt: 'grandparent',
  verbs: ['get', 'list'],
  properties: z.object({}),
  readOnly: z.object({
    state: z
      .enum(['Pending', 'Running', 'Done', 'Failed', 'NotScannable'])
      .describe('Of the work. NotScannable: it is no image, or an index, whose images are scanned each.'),
    status: z
      .enum(['complete', 'partial', 'unsupported'])
      .optional()
      .describe('How far its packages are known. Partial: the warnings say what may be missing.'),
    reason: z.string().optional().describe('Why it was scanned.'),
    requestedTime: time.optional(),
    scannedTime: time.optional().describe('When its layers were looked at.'),
    evaluatedTime: time.optional().describe('When its findings were last compared with the advisories.'),
    advisoryRevision: z.int().optional(),
    advisoriesTime: time.optional().describe('How fresh the oldest source is that speaks of its packages.'),
    withoutAdvisories: z
      .array(z.string())
      .optional()
      .describe('Ecosystems of its packages that no source speaks of: of these nothing is known, whatever is wrong.'),
    attempts: z.int().optional(),
    error: z.string().optional(),
    os: z
      .object({
        id: z.string(),
        versionId: z.string().optional(),
        prettyName: z.string().optional(),
        endOfLife: time.optional().describe('From when on it gets no updates; where that is known.'),
        endOfStandardSupport: time
          .optional()
          .describe("From when on others than its own team make them, such as Debian's LTS."),
      })
      .optional(),
    components: z.int().optional(),
    summary: summarySchema.optional(),
    warnings: z.array(z.looseObject({ code: z.string(), layer: z.string().optional() })).optional(),
    engines: z
      .array(
        z.object({
          name: z.string(),
          state: z.enum(['Pending', 'Running', 'Done', 'Failed']),
          requestedTime: time,
          scannedTime: time.optional().describe('When it last said something of the image.'),
          scanner: z.string().optional().describe('What it is, as it says of itself.'),
          version: z.string().optional(),
          databaseTime: time.optional().describe('Of its data.'),
          findings: z.int().optional().describe('That it has, whether others have them or not.'),
          isCut: z.boolean().optional().describe('It has more than are kept.'),
          attempts: z.int().optional(),
          error: z.string().optional(),
        }),
      )
      .optional()
      .describe('Scanners beside this server that were asked, and what came of it.'),
    children: z
      .array(z.object({ digest: z.string(), state: z.string() }))
      .optional()
      .describe('Images of an index.'),
  }),
  actions: {
    start: action({
      description: 'Has the image scanned before others. What is known of its layers is not read again.',
    }),
    findings: action({
      description:
        'What is known against the packages of the image, from the worst to the least; of an index, of all its images.',
      input: findingsInput,
      output: z.object({ total: z.int(), findings: z.array(findingSchema) }),
      permission: 'Microsoft.ContainerRegistry/registries/repositories/manifests/scans/read',
    }),
    sbom: action({
      description: 'The packages of the image as CycloneDX 1.6. The same image gives the same bytes.',
      output: z.object({ mediaType: z.string(), sbom: z.string().describe('JSON, as text.') }),
      permission: 'Microsoft.ContainerRegistry/registries/repositories/manifests/scans/read',
    }),
    changes: action({
      description: 'What came and went since the image was first scanned, from the newest to the oldest.',
      input: z.object({ top: z.int().min(1).max(1000).default(100) }),
      output: z.object({
        changes: z.array(
          z.object({
            vulnerability: z.string(),
            purl: z.string(),
            change: z.enum(['opened', 'closed']),
            time,
            advisoryRevision: z.int(),
          }),
        ),
      }),
      permission: 'Microsoft.ContainerRegistry/registries/repositories/manifests/scans/read',
    }),
  },
});

export const findImagesInput = z.object({
  component: z.string().min(1).max(1000).optional().describe('A name, or a package URL, with or without a version.'),
  vulnerability: z.string().min(1).max(200).optional().describe('A CVE, or the id of an advisory.'),
  after: z.int().min(0).optional().describe('To go on: `next` of the answer before.'),
  top: z.int().min(1).max(1000).default(100).describe('Images of an answer.'),
});
export type FindImagesInput = z.output<typeof findImagesInput>;

export const listScansInput = z.object({
  repository: z.string().min(1).max(255),
  after: z.string().max(256).optional().describe('To go on: `next` of the answer before.'),
  top: z.int().min(1).max(200).default(100),
});
export type ListScansInput = z.output<typeof listScansInput>;

export const listScans = action({
  description: 'The images of a repository with how far their scans are, in the order of their digests.',
  input: listScansInput,
  output: z.object({
    next: z.string().optional().describe('Where there are more: what to give as `after`.'),
    scans: z.array(
      z.object({
        digest: z.string(),
        tags: z.array(z.string()),
        state: z.string(),
        status: z.string().optional(),
        scannedTime: time.optional(),
        error: z.string().optional(),
        summary: summarySchema.optional(),
      }),
    ),
  }),
  permission: 'Microsoft.ContainerRegistry/registries/scanning/read',
});

/** An image in one of the repositories that have it. */
const placedImage = { repository: z.string(), digest: z.string(), tags: z.array(z.string()) };

export const listFailedInput = z.object({
  after: z.int().min(0).optional().describe('To go on: `next` of the answer before.'),
  top: z.int().min(1).max(200).default(100),
});
export type ListFailedInput = z.output<typeof listFailedInput>;

export const listFailed = action({
  description:
    'The images that could not be scanned, and are left until somebody asks for it, in whichever repositories they are.',
  input: listFailedInput,
  output: z.object({
    next: z.int().optional().describe('Where there may be more: what to give as `after`.'),
    images: z.array(
      z.object({
        ...placedImage,
        attempts: z.int(),
        requestedTime: time,
        error: z.string().optional().describe('Of the last attempt.'),
      }),
    ),
  }),
  permission: 'Microsoft.ContainerRegistry/registries/scanning/read',
});

export const scanningType = resourceType({
  ...base,
  path: 'registries/scanning',
  description: 'The scans of a registry, and what becomes of what they find. There is one, called default.',
  name: { pattern: /^default$/i, says: 'one form: default' },
  most: 1,
  properties: z.object({
    sbomRepositories: z
      .array(z.string().max(256).regex(pattern, 'must be a repository, PREFIX/* or *; with ! in front it is left out'))
      .max(100)
      .default([])
      .describe(
        'Repositories whose images have their SBOM as a referrer: names, `PREFIX/*` or `*`; `!` in front leaves out.',
      ),
  }),
  readOnly: z.object({
    queued: z.int().describe('Images of the server that wait.'),
    running: z.int(),
    failed: z.int().describe('Images that could not be scanned, and are left until somebody asks.'),
    oldestRequestTime: time.optional().describe('Of those that wait.'),
  }),
  actions: {
    listScans,
    listFailed,
    findImages: action({
      description: 'Which images of the registry have a component, or a vulnerability.',
      input: findImagesInput,
      output: z.object({
        next: z.int().optional().describe('Where there may be more: what to give as `after`.'),
        images: z.array(
          z.object({
            ...placedImage,
            components: z.array(z.object({ ecosystem: z.string(), name: z.string(), version: z.string() })),
          }),
        ),
      }),
      permission: 'Microsoft.ContainerRegistry/registries/scanning/read',
    }),
  },
});

export const scanningTypes = [scanType, scanningType] as const;
