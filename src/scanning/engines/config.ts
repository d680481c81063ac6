import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { byteSize, duration } from '../../config/index.ts';

const minute = 60_000;

const common = {
  /** It stands in findings, tables and logs. */
  name: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'must be up to 32 lowercase letters, digits and hyphens')
    .refine((name) => name !== 'native', { message: 'native is what the server itself is called' }),
  /** Of one image, from the first byte to the report (ms). */
  timeout: duration()
    .refine((ms) => ms >= 1000 && ms <= 360 * minute, { message: 'must be from 1s to 6h' })
    .prefault('15m'),
  /** Longest report that is read (bytes). */
  maxReport: byteSize()
    .refine((bytes) => bytes <= 64 * 1024 * 1024, { message: 'must be at most 64MiB' })
    .prefault('32MiB'),
};

/** The file is read each time, so that what something renews there is always the latest. */
const file = z.string().min(1).max(4096);
const auth = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({
      kind: z.literal('basic'),
      username: z
        .string()
        .min(1)
        .max(256)
        .regex(/^[^:\p{Cc}]+$/u, 'must have no colon'),
      file,
    }),
    z.strictObject({ kind: z.literal('bearer'), file }),
    z.strictObject({ kind: z.literal('apiKey'), file }),
  ])
  .default({ kind: 'none' });

const httpUrl = () =>
  z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .max(2048)
    .refine((url) => !/[?#@]/.test(url), { message: 'must have no credentials, query or fragment' })
    .transform((url) => url.replace(/\/+$/, ''));

const harbor = z.strictObject({
  ...common,
  kind: z.literal('harbor'),
  url: httpUrl(),
  auth,
  /** Where the adapter reaches the default registry; `publicUrl` where it is left out. */
  registryUrl: httpUrl().optional(),
  parallel: z.int().min(1).max(16).default(2),
});

const absolute = z.string().max(4096).refine(isAbsolute, { message: 'must be an absolute path' });

/** A program of this machine. Its data is whatever lies in `cache`: the server downloads neither. */
const program = {
  ...common,
  path: absolute,
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of the program: 64 lowercase hexadecimal digits'),
  cache: absolute,
  memory: byteSize().prefault('4GiB'),
  cpus: z.int().min(1).max(64).default(1),
  /** Without it the process has a network namespace of its own, with nothing in it. */
  network: z.boolean().default(false),
  /** Largest image that is laid out for it (bytes, packed). */
  maxImage: byteSize().prefault('16GiB'),
};

export const enginesConfig = z
  .array(
    z.discriminatedUnion('kind', [
      harbor,
      z.strictObject({ ...program, kind: z.literal('trivy') }),
      z.strictObject({ ...program, kind: z.literal('grype') }),
    ]),
  )
  .max(8)
  .refine((engines) => new Set(engines.map(({ name }) => name)).size === engines.length, {
    message: 'each engine must have a name of its own',
  })
  .default([])
  .describe(
    'Scanners beside the server itself, which add to what it finds: each a `name`, a `kind` (`harbor`: an adapter of ' +
      'Harbor’s API by `url`; `trivy`, `grype`: a program by `path`, `sha256` and `cache`), and its limits. See the guide to engines.',
  );

export type EngineConfig = z.output<typeof enginesConfig>[number];
export type HarborConfig = Extract<EngineConfig, { kind: 'harbor' }>;
export type ProgramConfig = Extract<EngineConfig, { kind: 'trivy' | 'grype' }>;
