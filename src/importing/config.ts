import { z } from 'zod';
import { byteSize } from '../config/index.ts';

const secret = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be up to 128 letters, digits, . _ and -'),
  registry: z.string().min(1).max(512),
  username: z.string().max(1024).default(''),
  file: z.string().min(1),
});

export const importConfig = z
  .strictObject({
    secrets: z
      .array(secret)
      .max(1000)
      .default([])
      .describe(
        'Credentials for imports, which requests name and never see: each a `name`, the `registry` (host and port) that alone ' +
          'gets them, a `username`, and the `file` that holds the password. It is read each time, so a token that something ' +
          'renews there is always the latest.',
      ),
    maxSize: byteSize()
      .prefault('1TiB')
      .describe(
        'Most bytes that one import may copy: all blobs of the image, of what it names, and of what refers to it.',
      ),
  })
  .prefault({});

export type ImportConfig = z.output<typeof importConfig>;
export type ImportSecret = z.output<typeof secret>;
