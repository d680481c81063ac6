import { z } from 'zod';
import { action } from '../operations/index.ts';

/** What `importImage` takes (acr §4.8). What it says of `credentials.secret` is ours. */
export const importInput = z.object({
  source: z
    .object({
      resourceId: z.string().max(2048).optional().describe('A registry of this server, by its resource id.'),
      registryUri: z
        .string()
        .max(512)
        .optional()
        .describe('Another registry: its host, with a port where it needs one. http:// where outbound.allow has it.'),
      credentials: z
        .object({
          username: z.string().max(1024).optional(),
          password: z
            .string()
            .min(1)
            .max(64 * 1024)
            .optional(),
          secret: z
            .string()
            .max(128)
            .optional()
            .describe('Name of a secret of `import.secrets`, in place of a user name and password.'),
        })
        .optional()
        .describe('For `registryUri`. They are kept sealed until the import has ended.'),
      sourceImage: z.string().min(1).max(512).describe('REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST.'),
    })
    .describe('Where the image is now.'),
  targetTags: z
    .array(z.string().max(512))
    .max(100)
    .optional()
    .describe('REPOSITORY[:TAG] of each tag to set; without a tag it is that of the source.'),
  untaggedTargetRepositories: z
    .array(z.string().max(512))
    .max(100)
    .optional()
    .describe('Repositories that get the image without a tag.'),
  mode: z
    .enum(['NoForce', 'Force'])
    .default('NoForce')
    .describe('Whether tags that are there and mean something else are moved; otherwise nothing is imported.'),
});

export type ImportInput = z.output<typeof importInput>;

/** What came of an import. */
export const importOutput = z.object({
  /** Of the image, at the source and here. */
  digest: z.string(),
  manifests: z.number(),
  blobs: z.number(),
  /** Of all blobs, whether or not they were here already. */
  bytes: z.number(),
});

export const importImage = action({
  description:
    'Copies an image from another registry: with all that an index names, and with all that refers to it, such as ' +
    'signatures. Goes on after a crash, and tells how far it is.',
  input: importInput,
  output: importOutput,
  longRunning: true,
});
