import type { Context } from '../cli/index.ts';
import { ConfigError, describeSettings, type LoadedConfig } from '../config/index.ts';
import { type Configuration, configSchema, loadConfiguration } from '../configuration.ts';

export interface ConfigFlags {
  config?: string;
  listen?: string;
  data?: string;
  database?: string;
  logLevel?: string;
  set?: readonly string[];
}

const text = { kind: 'parsed', parse: String, optional: true } as const;

/** Flags of every command that works on a registry's configuration. */
export const configFlags = {
  config: { ...text, placeholder: 'file', brief: 'YAML file with the configuration' },
  listen: { ...text, brief: 'Address and port to serve on (default 127.0.0.1:5000)' },
  data: { ...text, placeholder: 'dir', brief: 'Data directory (default ./data)' },
  database: { ...text, brief: 'PostgreSQL URL; SQLite in the data directory otherwise' },
  logLevel: { ...text, brief: 'debug, info, warn, error or silent' },
  set: {
    ...text,
    variadic: true,
    placeholder: 'key=value',
    brief: 'Any setting, as key=value: --set gc.delay=48h',
    proposeCompletions: () => describeSettings(configSchema).map(({ key }) => `${key}=`),
  },
} as const;

/** Reads the configuration for a command. Problems are written out, one a line; then the result is undefined. */
export function loadFor(context: Context, flags: ConfigFlags): LoadedConfig<Configuration> | undefined {
  try {
    refuseSecrets(flags);
    return loadConfiguration({
      file: flags.config ?? context.environment.BONDED_CONFIG,
      environment: context.environment,
      flags: {
        listen: flags.listen,
        data: flags.data,
        'database.url': flags.database,
        'log.level': flags.logLevel,
        ...assignments(flags.set ?? []),
      },
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.process.stderr.write(`bonded: ${error.message}\n`);
    context.process.exitCode = 1;
    return undefined;
  }
}

/** Every user of the machine can read the arguments of a process. */
function refuseSecrets(flags: ConfigFlags): void {
  const given = [flags.database ?? '', ...(flags.set ?? [])];
  if (!given.some((value) => /postgres(?:ql)?:\/\/[^@?]*:[^@?]+@|[?&]password=/i.test(value))) return;
  throw new ConfigError([
    'database.url: a password on the command line can be read by everyone on the machine; ' +
      'use BONDED_DATABASE_URL_FILE, PGPASSWORD or PGPASSFILE (from command line)',
  ]);
}

function assignments(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new ConfigError(['--set: write it as key=value, such as gc.delay=48h']);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
