import { z } from 'zod';
import { action } from '../operations/index.ts';

const bytes = z.int();

/** How much a registry stores, and its largest repositories. */
export const listStorage = action({
  description: 'How much the registry stores, and which of its repositories are the largest.',
  input: z.strictObject({ top: z.int().min(1).max(1000).default(100).describe('How many repositories.') }),
  output: z.object({
    bytes: bytes.describe('Of the distinct blobs and of the manifests, those included that wait to be collected.'),
    blobs: z.int(),
    manifests: z.int(),
    limitBytes: bytes.optional(),
    counted: z.boolean().describe('False while what was there before the upgrade is still being counted.'),
    repositories: z.array(
      z.object({
        name: z.string(),
        bytes: bytes.describe('Of its blobs and manifests.'),
        uniqueBytes: bytes.describe('What would become free if it alone were deleted.'),
        sharedBytes: bytes.describe('Of blobs that other repositories of the registry have, too.'),
        blobs: z.int(),
        manifests: z.int(),
        limitBytes: bytes.optional(),
      }),
    ),
  }),
});
