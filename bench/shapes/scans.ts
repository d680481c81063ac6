import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { managementOf, registry } from '../../test/support/management.ts';
import { exportPath, exports, hasExports, namedComponents } from '../advisories/components.ts';
import { blobOf, connected, imageOf, pushImage } from '../client/content.ts';
import { type PushLoad, pushFor } from '../client/push-load.ts';
import { bonded } from '../peers/bonded.ts';
import { type Peer, startServer } from '../peers/start.ts';
import { percentile } from '../percentile.ts';
import { run, type Shape } from '../shape.ts';

const program = join(import.meta.dir, '..', '..', 'bin', 'bonded');
const connections = 8;
/** Of dpkg and of Python. */
const packages = [763, 87] as const;
/** What else is in the layer (bytes): programs and libraries of this machine. */
const restBytes = 86_000_000;
let measurement = 0;

export const scans: Shape = {
  name: 'scans',
  about:
    `An image of ${packages[0]} packages of Debian and ${packages[1]} of Python in a layer of 86 MB, pushed to a repository with a ` +
    'policy, until that has decided; and small images pushed by 8 connections to a server that scans, and to one that does not.',
  contenders: ['bonded'],
  long: true,
  startsServers: true,
  needs: ['tar', 'head', 'gzip', ...(hasExports() ? [] : ['shared/testdata/osv'])],
  rows: [
    {
      key: 'verdict',
      what: 'an image of 850 packages, from its push until it is decided about',
      unit: 's',
      better: 'less',
      limits: { bonded: 5 },
    },
    { key: 'again', what: 'the same with another layer on top, whose base is known', unit: 's', better: 'less' },
    { key: 'idle', what: 'small images pushed, nothing is scanned', unit: '1/s', better: 'more' },
    { key: 'busy', what: 'small images pushed while images are scanned', unit: '1/s', better: 'more' },
    { key: 'idleP99', what: 'such a push, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'busyP99', what: 'such a push while images are scanned, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'scanned', what: 'images scanned meanwhile', unit: '1/s', better: 'more' },
  ],
  async prepare({ directory, scale }) {
    const root = join(directory, 'scans-root');
    const [debian, python] = await chosenPackages();
    await mkdir(join(root, 'var/lib/dpkg'), { recursive: true });
    await mkdir(join(root, 'etc'), { recursive: true });
    await cp('/etc/os-release', join(root, 'etc/os-release'), { dereference: true });
    await writeFile(join(root, 'var/lib/dpkg/status'), debian.join('\n\n'));
    for (const { name, version } of python) {
      const folder = join(root, `usr/lib/python3/site-packages/${name}-${version}.dist-info`);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'METADATA'), `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n\n`);
    }
    await run([
      'sh',
      '-c',
      `tar -c -C / usr/bin usr/lib 2>/dev/null | head -c ${scale.brief ? restBytes / 10 : restBytes} >${join(root, 'rest')}`,
    ]);
    await run(['sh', '-c', `tar -c -C ${root} . | gzip -1 -c >${join(directory, 'scans-layer')}`]);
  },
  async measure(situation) {
    const directory = join(situation.directory, `scans-${++measurement}`);
    const layer = await readFile(join(situation.directory, 'scans-layer'));
    const { seconds } = situation.scale;
    const push = async ({ port }: Peer): Promise<PushLoad> => {
      await pushFor(port, { connections, seconds: Math.min(0.5, seconds) }, (image) => `bench/scan-${image % 50}`);
      return pushFor(port, { connections, seconds }, (image) => `bench/scan-${image % 50}`);
    };
    const idle = await serve(join(directory, 'idle'), 0, push);
    return serve(join(directory, 'busy'), 1, async (peer) => {
      for (const ecosystem of situation.scale.brief ? ['Go'] : exports) {
        const from = ['--from', exportPath(ecosystem), '--ecosystem', ecosystem, '--server', peer.url];
        await run(['env', `BONDED_DATA=${peer.directory}`, program, 'advisories', 'sync', ...from]);
      }
      await managementOf(peer.url).put(`${registry}/admissionPolicies/bench`, {
        repositories: ['prod/*'],
        mode: 'enforce',
        severity: 'High',
        unscanned: 'deny',
      });
      const verdict = await decided(peer, 'prod/app', layer);
      const again = await decided(peer, 'prod/again', layer, Buffer.alloc(1024));
      const before = await scannedBy(peer);
      const began = performance.now();
      const busy = await push(peer);
      const scanned = ((await scannedBy(peer)) - before) / ((performance.now() - began) / 1000);
      return {
        verdict,
        again,
        idle: idle.rate,
        busy: busy.rate,
        idleP99: percentile(idle.times, 99),
        busyP99: percentile(busy.times, 99),
        scanned,
      };
    });
  },
};

async function chosenPackages() {
  const status = (await readFile('/var/lib/dpkg/status', 'utf8')).trim().split('\n\n');
  // A machine with fewer has its own under other names.
  const debian = Array.from({ length: packages[0] }, (_, n) => {
    const round = Math.floor(n / status.length);
    return round === 0
      ? status[n]!
      : status[n % status.length]!.replace(/^Package: .*$/m, (line) => `${line}-${round}`);
  });
  const all = (await namedComponents()).filter(({ ecosystem }) => ecosystem === 'PyPI');
  const byName = new Map(all.map((component) => [component.name, component]));
  return [debian, [...byName.values()].slice(0, packages[1])] as const;
}

async function serve<T>(directory: string, parallel: number, work: (peer: Peer) => Promise<T>): Promise<T> {
  const peer = await startServer(bonded('Bonded', `scanning.parallel=${parallel}`), directory);
  try {
    return await work(peer);
  } finally {
    await peer.stop();
  }
}

/** Pushes an image and waits until its policy has decided (s). */
async function decided(peer: Peer, repository: string, ...layers: Uint8Array[]): Promise<number> {
  const image = imageOf(
    blobOf(Buffer.from(`{"architecture":"amd64","os":"linux","x":"${repository}"}`)),
    layers.map(blobOf),
  );
  const management = managementOf(peer.url);
  const began = performance.now();
  await connected(peer.port, (connection) => pushImage(connection, repository, 'v1', image));
  for (;;) {
    const input = { repository, reference: 'v1' };
    const { effect } = (await management.post(`${registry}/admission/default/explain`, input)) as { effect: string };
    if (effect !== 'pending') return (performance.now() - began) / 1000;
    if (performance.now() - began > 60_000) throw new Error('nothing was decided within 60 s');
    await Bun.sleep(20);
  }
}

async function scannedBy({ url }: Peer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = text.matchAll(/^bonded_scans_total\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
