import { buildCommand } from '@stricli/core';
import { startApp } from '../app.ts';
import { type Context, fail } from '../cli/index.ts';
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
    const app = await startApp(config, log).catch((error: unknown) => {
      log.flush();
      fail(this, (error as Error).message);
    });
    if (!app) return;
    log.info({ url: app.url, ...(app.metricsUrl && { metrics: app.metricsUrl }) }, 'serving');
    log.warn({}, 'callers are not identified: whoever can connect from this machine may push, pull and delete');
    this.write(welcome(app.url, this.process.stdout.isTTY));

    const { process } = this;
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        process.once(signal, () => {
          log.info({ signal }, 'draining');
          resolve();
        });
      }
    });
    const cut = await app.stop();
    log.info({ cut }, 'stopped');
    log.flush();
  },
});

/** What a person may try next. Elsewhere than on a terminal one line is enough to find the server. */
function welcome(url: string, terminal: boolean): string {
  const host = url.slice(url.indexOf('//') + 2);
  if (!terminal) return `bonded is serving on ${url}`;
  return `
  Bonded is serving on ${url}

  Try:
    skopeo copy --dest-tls-verify=false docker://docker.io/library/busybox:latest docker://${host}/busybox:latest
    podman push --tls-verify=false IMAGE ${host}/IMAGE
    crane ls --insecure ${host}/busybox
    curl ${url}/v2/_catalog

  Ctrl-C stops it.
`;
}
