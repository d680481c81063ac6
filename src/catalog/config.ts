import { z } from 'zod';
import { duration } from '../config/index.ts';

export const gcConfig = z
  .strictObject({
    delay: duration()
      .prefault('24h')
      .describe('How long content that nothing references is kept. At least as long as the longest push.'),
    interval: duration().prefault('30s').describe('Pause between two rounds of collection.'),
  })
  .prefault({});

export const manifestsConfig = z
  .strictObject({
    sparseIndexes: z
      .boolean()
      .default(false)
      .describe(
        'Accept manifests whose children or layers are not in the repository. Clients that want such content get a 404.',
      ),
  })
  .prefault({});

export const tagsConfig = z
  .strictObject({
    history: duration()
      .prefault('365d')
      .refine((ms) => ms >= 3_600_000, { message: 'must be at least 1h' })
      .describe('How long it is remembered where a tag was, from the moment on at which it moved or was removed.'),
  })
  .prefault({});
