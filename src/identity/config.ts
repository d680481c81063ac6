import { z } from 'zod';
import { duration } from '../config/index.ts';

const minute = 60_000;
const hour = 60 * minute;

const lifetime = (least: number, most: number, message: string) =>
  duration().refine((ms) => ms >= least && ms <= most, { message });

export const tokensConfig = z
  .strictObject({
    access: lifetime(minute, 12 * hour, 'must be from 1m to 12h')
      .prefault('75m')
      .describe('How long an access token is good for. What it may do is looked up at each request all the same.'),
    refresh: lifetime(5 * minute, 24 * hour, 'must be from 5m to 24h')
      .prefault('3h')
      .describe('How long a login lasts: the life of a refresh token.'),
  })
  .prefault({});

export const bootstrapConfig = z
  .strictObject({
    owner: z
      .strictObject({
        issuer: z
          .url()
          .max(512)
          .optional()
          .describe(
            'OIDC issuer of the first owner, who may do everything: for servers without a data directory whose operator ' +
              'could log in. Lasts as long as it stands here.',
          ),
        subject: z
          .string()
          .max(512)
          .regex(/^[^*]+$/, 'must be the whole subject: * stands for nothing here')
          .optional()
          .describe('The `sub` of that owner, exactly.'),
        audience: z
          .string()
          .min(1)
          .max(512)
          .default('bonded')
          .describe('What the `aud` of its tokens must be or contain.'),
        jwks: z
          .string()
          .optional()
          .describe('File with the JSON Web Key Set of the issuer, where it cannot be discovered from here.'),
      })
      .refine(({ issuer, subject }) => (issuer === undefined) === (subject === undefined), {
        message: 'issuer and subject go together',
      })
      .prefault({}),
  })
  .prefault({});

export type BootstrapConfig = z.output<typeof bootstrapConfig>;
