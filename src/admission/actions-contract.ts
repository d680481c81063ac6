import { z } from 'zod';
import { action } from '../operations/index.ts';
import { effects, quarantineStates, reasonCodes } from './decision.ts';
import { blobModes, policyModes, tagModes } from './policy.ts';

/** A repository, `PREFIX/*` or `*`; with `!` before it what is not meant. */
export const repositoryPattern = z
  .string()
  .max(256)
  .regex(/^!?(?:\*|[a-z0-9][a-z0-9._/-]*(?:\/\*)?)$/, 'must be a repository, PREFIX/* or *, with ! before it perhaps');

const reason = z.object({
  code: z.enum(reasonCodes),
  policy: z.string(),
  rule: z.string(),
  message: z.string(),
  remedy: z.string(),
  vulnerability: z.string().optional(),
  purl: z.string().optional(),
  platform: z.string().optional(),
});

const image = { repository: z.string(), digest: z.string(), tags: z.array(z.string()) };

/** What admission is asked for beside its resources. */
export const admissionActions = {
  approve: action({
    description: 'Approves an exception that somebody else has written; it counts from now on.',
    input: z.object({
      etag: z
        .string()
        .max(64)
        .optional()
        .describe('Of the exception as it was looked at: one that was changed since is not approved.'),
    }),
    output: z.object({ approvedBy: z.string(), approvedOn: z.string() }),
  }),
  explain: action({
    description: 'Whether an image, or a blob, would be let out now, by which policies, and why not.',
    permission: 'Microsoft.ContainerRegistry/registries/admission/read',
    input: z.object({
      repository: z.string().max(256),
      reference: z.string().max(160).describe('A tag or a digest; also that of a blob.'),
    }),
    output: z.object({
      ...image,
      kind: z.string().describe('Of a manifest what it is; `blob` where the digest is that of a blob.'),
      decision: z.string().describe('Its id, as refusals name it.'),
      effect: z.enum(effects),
      policies: z.array(z.object({ name: z.string(), mode: z.enum(policyModes), blobs: z.enum(blobModes) })),
      reasons: z.array(reason),
      audited: z.array(reason),
      more: z.int(),
      excepted: z.array(
        z.object({ vulnerability: z.string(), purl: z.string(), exception: z.string(), until: z.string() }),
      ),
      validUntil: z.string().optional().describe('When time alone changes the effect.'),
      quarantine: z.object({ state: z.enum(quarantineStates), tagMode: z.enum(tagModes) }).optional(),
      images: z
        .array(z.object({ digest: z.string(), tags: z.array(z.string()), effect: z.enum(effects) }))
        .optional()
        .describe(
          'Of a blob that is let out with images alone: the one that lets it out, or the first ones that do not.',
        ),
      servedInstead: z.string().optional().describe('Where the tag leads while the image is held.'),
      scan: z
        .object({ status: z.string(), scannedOn: z.string(), advisoriesOn: z.string().optional(), findings: z.int() })
        .optional(),
    }),
  }),
  simulate: action({
    description: 'What of that was pulled of late a policy would refuse, were it enforced now.',
    permission: 'Microsoft.ContainerRegistry/registries/admission/read',
    input: z.object({
      policyName: z.string().max(64).optional().describe('A policy that there is; else `properties`.'),
      properties: z.record(z.string(), z.unknown()).optional().describe('A policy that there could be.'),
      days: z.int().min(1).max(3650).default(30).describe('How far back pulls count.'),
    }),
    output: z.object({
      pulled: z.int().describe('Images that were looked at.'),
      refused: z.int(),
      refusedNow: z.int().describe('Of those, the ones that are refused already.'),
      truncated: z.boolean().describe('Whether there are more images than were looked at.'),
      images: z.array(
        z.object({
          ...image,
          pulls: z.int(),
          lastPulledOn: z.string(),
          effectNow: z.enum(effects),
          reasons: z.array(reason),
        }),
      ),
    }),
  }),
  exportExceptions: action({
    description: 'The exceptions that count, as an OpenVEX document.',
    permission: 'Microsoft.ContainerRegistry/registries/admissionExceptions/read',
    input: z.object({
      repository: repositoryPattern
        .refine((pattern) => !pattern.startsWith('!'), 'must say which are meant, not which are not')
        .optional()
        .describe('Those of these repositories alone: one, `PREFIX/*`, or `*`.'),
    }),
    output: z.record(z.string(), z.unknown()),
  }),
};
