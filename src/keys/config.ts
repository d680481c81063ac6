import { z } from 'zod';
import { duration } from '../config/index.ts';

const hour = 3_600_000;
const day = 24 * hour;

function between(least: number, most: number, message: string) {
  return duration().refine((ms) => ms >= least && ms <= most, { message });
}

export const keysConfig = z
  .strictObject({
    secret: z
      .string()
      .min(43, 'must have at least 43 characters, such as `openssl rand -base64 32` prints')
      .max(1024, 'must have at most 1024 characters')
      // Not a measure of what can be guessed, only of what was typed to get past the length.
      .refine((secret) => new Set(secret).size >= 12, {
        message: 'must be random, such as from `openssl rand -base64 32`',
      })
      .optional()
      .meta({
        secret: true,
        description:
          'What private keys are sealed under in the database, the same for all nodes: 32 random bytes, such as from ' +
          '`openssl rand -base64 32`. Give it by `BONDED_KEYS_SECRET_FILE`. Left out, it is made in the file `keys/secret` ' +
          'of the data directory; without one, keys are not sealed. Keep a copy: without it the keys are lost.',
      }),
    rotation: between(day, 365 * day, 'must be from 1d to 365d')
      .prefault('30d')
      .describe('How long a key signs tokens before the next one takes over.'),
    lead: between(60_000, 12 * hour, 'must be from 1m to 12h')
      .prefault('1h')
      .describe('How long before that the next key is published, so that all who verify know it by then.'),
    overlap: between(hour, 90 * day, 'must be from 1h to 90d')
      .prefault('24h')
      .describe('How long afterwards the former key still verifies. At least as long as a token may live.'),
  })
  .prefault({});
