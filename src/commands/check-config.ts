import { buildCommand, buildRouteMap } from '@stricli/core';
import { type Context, describe, getDefault, listDefaults, setDefaults, unsetDefaults } from '../cli/index.ts';
import { describeSettings } from '../config/index.ts';
import { configSchema, tlsOf } from '../configuration.ts';
import { loadTls } from '../http/index.ts';
import { type ConfigFlags, configFlags, loadFor } from './load.ts';

const check = buildCommand<ConfigFlags, [], Context>({
  docs: {
    brief: 'Validate the configuration of the server and show where each value comes from',
    fullDescription: describe(
      'Reads the configuration as bonded serve does: the file, the environment and flags. Ends with 1 where it is not valid, ' +
        'and says why. No value is printed.',
      ['config check', 'config check --config bonded.yaml'],
    ),
  },
  parameters: { flags: configFlags },
  func(flags) {
    const loaded = loadFor(this, flags);
    if (!loaded) return;
    // Only these files are read: whatever else a setting names may come later.
    const tls = tlsOf(loaded.value);
    if (tls) loadTls(tls);
    const known = describeSettings(configSchema);
    for (const [key, origin] of loaded.origins) {
      // Values are not printed: one of them may be a secret.
      if (known.some((setting) => setting.key === key)) this.write(`${key}: set by ${origin}`);
    }
    for (const name of loaded.unknownVariables) this.write(`${name}: there is no such setting; it is ignored`);
    this.write('the configuration is valid');
  },
});

export const configRoutes = buildRouteMap({
  routes: { check, set: setDefaults, get: getDefault, unset: unsetDefaults, list: listDefaults },
  docs: { brief: 'Configuration: of the server, and defaults of commands' },
});
