import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { managementOf, registry } from '../../test/support/management.ts';
import { hasExports, namedComponents } from '../advisories/components.ts';
import { blobOf, connected, imageOf, pushImage } from '../client/content.ts';
import { fillAdvisories, scanningServer } from '../fill/scanning.ts';
import type { Peer } from '../peers/start.ts';
import { run, type Shape } from '../shape.ts';

/** Of dpkg and of Python. */
const packages = [763, 87] as const;
/** What else is in the layer (bytes): programs and libraries of this machine. */
const restBytes = 86_000_000;
let measurement = 0;

export const scans: Shape = {
  name: 'scans',
  about:
    `An image of ${packages[0]} packages of Debian and ${packages[1]} of Python in a layer of 86 MB, pushed to a repository with a ` +
    'policy, until that has decided.',
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
    await using server = await scanningServer(directory, 1);
    const { peer } = server;
    await fillAdvisories(peer, situation.scale);
    const verdict = await decided(peer, 'prod/app', layer);
    return { verdict, again: await decided(peer, 'prod/again', layer, Buffer.alloc(1024)) };
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
