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
