import { z } from 'zod';
import { advisoriesConfig } from './advisories/index.ts';
import { gcConfig, manifestsConfig, tagsConfig } from './catalog/index.ts';
import { type ConfigSources, hostName, loadConfig, type LoadedConfig, processCount } from './config/index.ts';
import { storageConfig, uploadsConfig } from './content/index.ts';
import { databaseConfig } from './database/index.ts';
import { createHostTable, type HostTable, httpConfig, regionsConfig, type TlsFiles } from './http/index.ts';
import { importConfig } from './importing/index.ts';
import { keysConfig } from './keys/index.ts';
import { bootstrapConfig, tokensConfig } from './identity/index.ts';
import { dataHostOf, networkConfig } from './network/index.ts';
import { outboundConfig } from './outbound/index.ts';
import { scanningConfig } from './scanning/index.ts';
import { logConfig } from './telemetry/index.ts';
import { throttleConfig } from './tiers/index.ts';

const registryName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/, 'must be up to 50 lowercase letters, digits and hyphens');

/** The name of the registry that answers where no other one is named. */
const defaultRegistry = 'default';

/** The whole configuration: one slice a capability, each declared where it is used. */
const slices = z.strictObject({
  data: z
    .string()
    .min(1)
    .default('./data')
    .describe('Directory of facts (SQLite) and content (files). One server uses it at a time.'),
  ...httpConfig,
  processes: processCount()
    .prefault(1)
    .describe(
      'Processes that serve, up to 64, or `auto` for one a core. More than one share the port, on Linux only; each has ' +
        'memory, PostgreSQL connections and caches of its own.',
    ),
  domain: hostName()
    .prefault('localhost')
    .describe('Each registry answers to `<its name>.<domain>` beside its own hosts.'),
  registries: z
    .array(z.strictObject({ name: registryName, hosts: z.array(hostName()).default([]) }))
    .max(1000)
    .default([])
    .describe('Registries beside the default one, each a `name` and, if it has any, its own `hosts`.'),
  database: databaseConfig,
  storage: storageConfig,
  uploads: uploadsConfig,
  manifests: manifestsConfig,
  tags: tagsConfig,
  gc: gcConfig,
  keys: keysConfig,
  tokens: tokensConfig,
  throttle: throttleConfig,
  bootstrap: bootstrapConfig,
  network: z.strictObject({ ...networkConfig, regions: regionsConfig }).prefault({}),
  outbound: outboundConfig,
  import: importConfig,
  advisories: advisoriesConfig,
  scanning: scanningConfig,
  log: logConfig,
});

export type Configuration = z.output<typeof slices>;

/** With what is wrong only in the whole. */
export const configSchema = slices.superRefine((config, context) => {
  try {
    hostsOf(config);
  } catch (error) {
    context.addIssue({ code: 'custom', path: ['registries'], message: (error as Error).message });
  }
  for (const [at, engine] of config.scanning.engines.entries()) {
    if (engine.kind !== 'harbor' || (engine.registryUrl ?? config.publicUrl) !== undefined) continue;
    const message = 'give it, or publicUrl: the adapter has to know where it reaches this server';
    context.addIssue({ code: 'custom', path: ['scanning', 'engines', at, 'registryUrl'], message });
  }
  const { bucket, partSize } = config.storage.s3;
  if (bucket !== undefined && config.uploads.maxBlobSize > partSize * 10_000) {
    const message = 'S3 takes 10,000 parts of a blob at most: lower this, or raise storage.s3.partSize';
    context.addIssue({ code: 'custom', path: ['uploads', 'maxBlobSize'], message });
  }
});

/** Every registry that the server has, the default one first. */
export function registriesOf({ registries }: Configuration): Configuration['registries'] {
  return [{ name: defaultRegistry, hosts: [] }, ...registries];
}

/**
 * Which host means which registry, as an id of `ids`, which are in the order of `registriesOf`. Registries that somebody
 * created (`more`) have what names are left. Throws on a conflict of the others.
 */
export function hostsOf(
  config: Configuration,
  ids?: readonly number[],
  more: readonly { id: number; name: string }[] = [],
): HostTable {
  const configured = registriesOf(config).map((registry, at) => ({ ...registry, id: ids?.[at] ?? at }));
  const known = new Set(configured.map(({ id }) => id));
  const created = more
    .filter(({ id }) => !known.has(id))
    .map(({ id, name }) => ({ id, name: name.toLowerCase(), hosts: [], yields: true }));
  const { domain, hosts, publicUrl } = config;
  const defaultHosts = publicUrl === undefined ? hosts : [...hosts, new URL(publicUrl).hostname];
  const registries = [...configured, ...created].map((registry) => ({
    ...registry,
    dataHost: dataHostOf(config.network, domain, registry.name),
  }));
  return createHostTable({ registries, defaultRegistry: configured[0]!.id, domain, defaultHosts });
}

/** The files of TLS; undefined where it is off. */
export function tlsOf({ tls: { certificate, key } }: Configuration): TlsFiles | undefined {
  return certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
}

/** Loads and validates; throws ConfigError. */
export function loadConfiguration(sources: ConfigSources): LoadedConfig<Configuration> {
  return loadConfig(configSchema, sources);
}
