import { buildCommand } from '@stricli/core';
import { startApp } from '../app/index.ts';
import type { Context } from '../cli/index.ts';
import { startWorkers } from '../processes/index.ts';
import { createLog } from '../telemetry/index.ts';
import { type ConfigFlags, configFlags, loadFor } from './load.ts';

export const serve = buildCommand<ConfigFlags, [], Context>({
  docs: { brief: 'Start the registry' },
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
    const shown = { url: app.url, ...(app.metricsUrl && { metrics: app.metricsUrl }), ...(workers && { processes }) };
    log.info(shown, `serving on ${app.url}`);

    // A person reads this, a log collector would choke on it.
    if (this.process.stdout.isTTY || this.environment.npm_lifecycle_event === 'start') this.write(welcome(app.url));
    const stopped = await Promise.race([signal, ...(workers ? [workers.failure] : [])]);
    if (typeof stopped === 'string') log.info({ signal: stopped }, 'draining; a second signal ends at once');
    const cut = await app.stop();
    log.info({ cut }, 'stopped');
    log.flush();
    if (stopped instanceof Error) throw stopped;
  },
});

/** Ctrl-C under `npm start` arrives twice, from the terminal and from npm (ms). */
const echoMs = 1000;

/** Resolves with the first SIGTERM or SIGINT; whoever sends another later does not want to wait. */
function stopSignal({ process }: Context): Promise<string> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        firstAt ??= performance.now();
        if (performance.now() - firstAt > echoMs) process.exit(signal === 'SIGINT' ? 130 : 143);
        resolve(signal);
      });
    }
  });
}

/** What a person may try next. */
function welcome(url: string): string {
  const host = url.slice(url.indexOf('//') + 2);
  return `
  Bonded is serving on ${url}

  Try:
    bonded login ${host}
    skopeo copy --dest-tls-verify=false docker://docker.io/library/busybox:latest docker://${host}/busybox:latest
    podman push --tls-verify=false IMAGE ${host}/IMAGE
    crane ls --insecure ${host}/busybox

  Ctrl-C stops it.
`;
}
