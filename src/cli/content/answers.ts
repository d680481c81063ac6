import { z } from 'zod';

/*
 * What a registry answers below `/acr/v1` (acr §3.2), as far as commands look at it. What else an answer has stays in it, so
 * that what a newer server says is printed, too.
 */

const changeableAttributes = z.looseObject({
  deleteEnabled: z.boolean().optional(),
  writeEnabled: z.boolean().optional(),
  readEnabled: z.boolean().optional(),
  listEnabled: z.boolean().optional(),
});

export const tagAttributes = z.looseObject({
  name: z.string(),
  digest: z.string(),
  changeableAttributes: changeableAttributes.optional(),
});

export const manifestAttributes = z.looseObject({
  digest: z.string(),
  tags: z.array(z.string()).nullish(),
  changeableAttributes: changeableAttributes.optional(),
});
export type ManifestAttributes = z.output<typeof manifestAttributes>;

export const repositoryAttributes = z.looseObject({
  imageName: z.string(),
  changeableAttributes: changeableAttributes.optional(),
});

/** What went with a repository; the server names the first ten thousand of each. */
export const deletedRepository = z.looseObject({
  manifestsDeleted: z.array(z.string()).nullish(),
  tagsDeleted: z.array(z.string()).nullish(),
});

/** What may be done with something; what is left out stays as it is. */
export interface AttributeChange {
  deleteEnabled?: boolean;
  writeEnabled?: boolean;
  readEnabled?: boolean;
  listEnabled?: boolean;
  lockReason?: string | null;
  /** ISO 8601. */
  lockExpiresOn?: string | null;
}
