import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { imageType, pushOnce, smallImage } from '../client/content.ts';
import { type Contender, isInstalled, isServer, registries } from '../peers/contenders.ts';
import { launch, startPeer } from '../peers/start.ts';
import { underLoad } from '../process-figures.ts';
import { run, type Shape } from '../shape.ts';

/** To build the compiled one takes longer than all the rest of a brief run. */
const briefly = ['bonded', ...registries] as const;
const contenders = ['bonded', 'bonded binary', ...registries] as const;
const directories = new Map<Contender, string>();
const path = '/v2/bench/start/manifests/latest';
const binaryBuild = join(import.meta.dir, '..', '..', 'tools', 'build-binary.ts');

export const start: Shape = {
  name: 'start',
  about: 'A server that has content, from its start until it answered a pull of a manifest.',
  contenders,
  briefly,
  startsServers: true,
  needs: [],
  rows: [
    {
      key: 'start',
      what: 'start to first pull',
      unit: 'ms',
      better: 'less',
      limits: { 'bonded binary': 200 },
    },
    { key: 'memory', what: 'memory after the first pull', unit: 'MiB', better: 'less' },
  ],
  async prepare(situation) {
    const { brief } = situation.scale;
    if (!brief) await run([process.execPath, binaryBuild]);
    for (const name of brief ? briefly : contenders) {
      if (!isInstalled(name)) continue;
      const directory = join(situation.directory, `start-${name.replaceAll(' ', '-')}`);
      const peer = await startPeer(name, directory);
      await pushOnce(peer.port, 'bench/start', 'latest', smallImage());
      await peer.stop();
      directories.set(name, directory);
    }
  },
  async measure(_, contender) {
    if (!isServer(contender)) throw new Error(`${contender} is no server`);
    const began = performance.now();
    const { port, child, stop } = launch(contender, directories.get(contender)!);
    try {
      const load = await underLoad(child.pid, async () => {
        while (!(await answers(port))) {
          if (performance.now() - began > 20_000) throw new Error(`${contender} did not start`);
          await Bun.sleep(2);
        }
      });
      return { start: performance.now() - began, memory: load.peakMiB };
    } finally {
      await stop();
    }
  },
};

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { Accept: imageType } });
    await response.bytes();
    return response.ok;
  } catch {
    return false;
  }
}
