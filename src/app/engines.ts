import type { Configuration } from '../configuration.ts';
import { issueScanToken } from '../identity/index.ts';
import { isAlive, startPeriodic } from '../jobs/index.ts';
import type { Digest } from '../oci/index.ts';
import { createOutbound } from '../outbound/index.ts';
import {
  createEngines,
  type EngineImage,
  forgetEngines,
  type HarborConfig,
  type Knowledge,
  requestEngines,
  requestScan,
  runEngines,
} from '../scanning/index.ts';
import type { Log } from '../telemetry/index.ts';
import type { Access } from './access.ts';
import type { Failures } from './background.ts';
import { loginServerOf } from './management.ts';
import type { Storage } from './storage.ts';

/** How often what engines have said that are no longer configured is looked for (ms). */
const forgetMs = 600_000;

/** Scanners beside this server: a step behind its own, which waits for none of them. */
export function startEngines(
  config: Configuration,
  { db, blobs, node }: Storage,
  { identification, directory }: Pick<Access, 'identification' | 'directory'>,
  knowledge: () => Promise<Knowledge>,
  { log, failed, now }: { log: Log; failed: Failures; now: () => number },
): { ask(digest: Digest): Promise<void>; stops: (() => Promise<void>)[] } {
  const { engines: configs } = config.scanning;
  const names = configs.map(({ name }) => name);

  /** Where an adapter pulls, and with what: a token for this image alone. */
  const accessTo = (of: HarborConfig) => (image: EngineImage, engine: string, lastsMs: number) => {
    const { registryId } = image.place;
    const name = directory().registries.find(({ id }) => id === registryId)!.name;
    const url = new URL((of.registryUrl ?? config.publicUrl)!);
    const host = loginServerOf({ ...config, publicUrl: url.href }, name, url.origin);
    const origin = `${url.protocol}//${host}`;
    const place = { ...image.place, digest: image.digest };
    return { url: origin, token: issueScanToken(identification, engine, place, { origin, lastsMs }) };
  };

  const outbound = createOutbound(config.outbound);
  const runner = runEngines({
    db,
    now,
    engines: createEngines(configs, { db, blobs, now, outbound }, accessTo),
    nodes: node && { self: node.id, isAlive },
    knowledge,
    failed: (error) => failed('engines', error),
    ended({ engine, digest, attempts }, outcome, ms, error) {
      const said = { engine, digest, attempts, outcome, ms: Math.round(ms) };
      if (error === undefined) log.debug(said, 'an engine has looked at an image');
      else log.warn({ ...said, err: error }, 'an engine could not look at an image');
    },
  });
  const forget = startPeriodic({
    name: 'forget-engines',
    intervalMs: forgetMs,
    isOurs: node?.lease('forget-engines') ?? (() => true),
    async run() {
      const images = await forgetEngines(db, names);
      // Their findings are others without it.
      for (const digest of images) await requestScan(db, digest, 'schedule', now());
      return images.length > 0;
    },
    failed: (error) => failed('forget-engines', error),
  });
  return {
    async ask(digest) {
      await requestEngines(db, digest, names, now());
      if (names.length > 0) runner.wake();
    },
    stops: [() => runner.stop(), forget],
  };
}
