import { resolve as resolvePath } from 'node:path';
import { buildCommand } from '@stricli/core';
import { startApp } from '../app/index.ts';
import { type Context, describe } from '../cli/index.ts';
import { tlsOf } from '../configuration.ts';
import { isInTheClear } from '../http/index.ts';
import { startWorkers } from '../processes/index.ts';
import { createLog } from '../telemetry/index.ts';
import { type ConfigFlags, configFlags, loadFor } from './load.ts';
import { welcome } from './welcome.ts';

export const serve = buildCommand<ConfigFlags, [], Context>({
  docs: {
    brief: 'Start the registry',
    fullDescription: describe(
      'Serves until it is told to end by SIGTERM or SIGINT; what is under way then is finished. Without a configuration it ' +
        'listens on 127.0.0.1:5000 and keeps its data in ./data.',
      ['serve', 'serve --config bonded.yaml', 'serve --listen 127.0.0.1:5000 --data ./data'],
    ),
  },
  parameters: { flags: configFlags },
  async func(flags) {
    const loaded = loadFor(this, flags);
    if (!loaded) return;
    const config = loaded.value;
    const log = createLog(config.log);
    for (const name of loaded.unknownVariables) log.warn({ variable: name }, 'there is no such setting; ignored');
    const { processes } = config;
    const workers = processes > 1 ? await startWorkers(config, log) : undefined;
    const app = workers ?? (await startApp(config, log));
    // Before anybody hears that it serves, and may want to end it.
    const signal = stopSignal(this);
    const shown = {
      url: app.url,
      ...(app.metricsUrl && { metrics: app.metricsUrl }),
      ...(app.listenerUrls.length > 0 && { listeners: app.listenerUrls }),
      ...(workers && { processes }),
    };
    const { listen, publicUrl } = config;
    const { listeners } = config.network;
    if (isInTheClear({ listen, listeners, publicUrl, hasTls: tlsOf(config) !== undefined })) {
      log.warn({}, 'tokens travel in the clear: set tls, or name in publicUrl the proxy in front that speaks TLS');
    }
    log.info(shown, `serving on ${app.url}`);

    // A person reads this, a log collector would choke on it.
    const isCheckout = this.environment.npm_lifecycle_event === 'start';
    if (this.process.stdout.isTTY || isCheckout) {
      const data = resolvePath(config.data);
      this.write(welcome({ url: app.url, publicUrl, data, program: isCheckout ? 'bin/bonded' : 'bonded' }));
    }
    const stopped = await Promise.race([signal, ...(workers ? [workers.failure] : [])]);
    if (typeof stopped === 'string') log.info({ signal: stopped }, 'draining; a second signal ends at once');
    const cut = await app.stop();
    log.info({ cut }, 'stopped');
    if (stopped instanceof Error) throw stopped;
  },
});

/** Ctrl-C under `npm start` arrives twice, from the terminal and from npm (ms). */
const echoMs = 1000;

/** Resolves with the first SIGTERM or SIGINT; whoever sends another later does not want to wait. */
function stopSignal({ process }: Context): Promise<string> {
  return new Promise((settle) => {
    let firstAt: number | undefined;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        firstAt ??= performance.now();
        if (performance.now() - firstAt > echoMs) process.exit(signal === 'SIGINT' ? 130 : 143);
        settle(signal);
      });
    }
  });
}
