import { z } from 'zod';

/** A repository, those below a prefix (`team/*`), or `*` for all. */
export const repositoryPattern = z
  .string()
  .max(256)
  .regex(/^(?:\*|[a-z0-9][a-z0-9._/-]*(?:\/\*)?)$/, 'must be a repository, PREFIX/* or *');
