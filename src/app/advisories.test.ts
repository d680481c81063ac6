import { expect, test } from 'bun:test';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testdata } from '../../test/support/testdata.ts';
import { advisoriesStatus, registerComponents, vulnerabilitiesOf } from '../advisories/index.ts';
import { openCommands } from '../cli/manage/command-rig.double.ts';

interface Synced {
  revision: number;
  feeds: { feed: string; records: number; added: number; removed: number }[];
  failed: unknown[];
}

const left = (id: string, fixed: string) => ({
  id,
  modified: '2026-01-01T00:00:00Z',
  affected: [
    {
      package: { ecosystem: 'npm', name: 'left-pad' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed }] }],
    },
  ],
});

async function workplace() {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-advisories-test-'));
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

test('a directory of records is brought to a running server, matched, shown, exported, and carried to another one', async () => {
  await using place = await workplace();
  const records = join(place.directory, 'records');
  await mkdir(records);
  await Bun.write(join(records, 'A-1.json'), JSON.stringify(left('A-1', '1.1.0')));
  await Bun.write(join(records, 'A-2.json'), JSON.stringify(left('A-2', '1.2.0')));
  const layout = join(place.directory, 'layout');
  let digest: unknown;
  {
    await using outside = await openCommands();
    const { db } = outside.server.app.storage;
    const [id] = await registerComponents(db, [{ ecosystem: 'npm', release: '', name: 'left-pad', version: '1.1.5' }]);
    expect(await outside.run(['advisories', 'status'], { terminal: true })).toMatchObject({
      code: 0,
      out: expect.stringContaining('Nothing is known'),
    });
    const done = (await outside.ok('advisories', 'sync', '--from', records)) as Synced;
    expect(done).toMatchObject({ feeds: [{ feed: 'osv/npm', records: 2, added: 2 }], failed: [] });
    expect((await vulnerabilitiesOf(db, [id!])).get(id!)!.map((one) => one.id)).toEqual(['A-2']);
    expect(await outside.ok('advisories', 'status')).toMatchObject({
      revision: done.revision,
      records: 2,
      stale: false,
      feeds: [{ name: 'osv/npm', records: 2, stale: false }],
    });
    const first = (await outside.ok('advisories', 'export', '--layout', layout)) as Record<string, unknown>;
    expect(first).toMatchObject({ image: 'bonded/advisories:latest', feeds: ['osv/npm'] });
    ({ digest } = first);
    // The same knowledge is the same artifact.
    expect(await outside.ok('advisories', 'export', '--image', 'other/place:again')).toMatchObject({ digest });
    // What is here already, from a registry of the same server.
    const again = (await outside.ok(
      'advisories',
      'sync',
      '--from',
      `oci://${outside.server.host}/bonded/advisories:latest`,
    )) as Synced;
    expect(again).toMatchObject({ feeds: [{ feed: 'osv/npm', records: 2, added: 0 }], revision: done.revision });
  }
  await using inside = await openCommands();
  const { db } = inside.server.app.storage;
  const [id] = await registerComponents(db, [{ ecosystem: 'npm', release: '', name: 'left-pad', version: '1.0.0' }]);
  const done = (await inside.ok('advisories', 'sync', '--from', layout)) as Synced;
  expect(done).toMatchObject({ feeds: [{ feed: 'osv/npm', records: 2, added: 2 }] });
  expect((await vulnerabilitiesOf(db, [id!])).get(id!)!.map((one) => one.id)).toEqual(['A-1', 'A-2']);
  expect(await inside.ok('advisories', 'export')).toMatchObject({ digest });
}, 120_000);

test('a server fetches a bundle of another one by itself', async () => {
  await using place = await workplace();
  await Bun.write(join(place.directory, 'A-1.json'), JSON.stringify(left('A-1', '1.1.0')));
  await using outside = await openCommands();
  await outside.ok('advisories', 'sync', '--from', place.directory);
  await outside.ok('advisories', 'export');
  await outside.ok('acr', 'update', '--name', 'default', '--anonymous-pull-enabled', 'true');
  await using inside = await openCommands({
    settings: {
      'outbound.allow': '127.0.0.1,localhost',
      'advisories.refresh': 'true',
      'advisories.interval': '1s',
      'advisories.sources': 'bundle',
      'advisories.bundle': `${outside.server.url}/bonded/advisories:latest`,
    },
  });
  const { db } = inside.server.app.storage;
  const [id] = await registerComponents(db, [{ ecosystem: 'npm', release: '', name: 'left-pad', version: '1.0.0' }]);
  for (let tries = 0; tries < 300; tries++) {
    if ((await vulnerabilitiesOf(db, [id!])).get(id!)!.length > 0) break;
    await Bun.sleep(200);
  }
  expect((await vulnerabilitiesOf(db, [id!])).get(id!)!.map((one) => one.id)).toEqual(['A-1']);
  // Where nothing has changed but the time at which that was seen, no layer is made anew, and the time is taken over.
  const at = Date.now() + 1000;
  await outside.server.app.storage.db.write((tx) => tx.run('UPDATE advisory_feeds SET ok_at = ?', [at]));
  const layersOf = async () => {
    const manifest = await outside.ok('acr', 'manifest', 'show', '--name', 'bonded/advisories:latest');
    return (manifest as { layers: { digest: string }[] }).layers.map(({ digest }) => digest);
  };
  const before = await layersOf();
  await outside.ok('advisories', 'export');
  expect(await layersOf()).toEqual(before);
  const isTakenOver = async () =>
    (await advisoriesStatus(db)).feeds.some(
      (feed) => feed.id === 'osv/npm' && feed.okAt !== undefined && feed.okAt >= at - 1000,
    );
  for (let tries = 0; tries < 300 && !(await isTakenOver()); tries++) await Bun.sleep(200);
  expect(await isTakenOver()).toBe(true);
  const metrics = await inside.server.app.metrics.render();
  expect(metrics).toContain('bonded_advisories_age_seconds');
}, 120_000);

const zip = testdata('osv/PyPI/all.zip');
test.if(zip !== undefined)(
  'the real export of PyPI goes by way of the registry, and its ecosystem is found out',
  async () => {
    await using commands = await openCommands();
    const done = (await commands.ok('advisories', 'sync', '--from', zip!)) as Synced;
    expect(done).toMatchObject({ feeds: [{ feed: 'osv/PyPI', records: 2661, added: 2651 }], failed: [] });
    const { out } = await commands.run(['advisories', 'status', '-o', 'table']);
    expect(out).toContain('osv/PyPI');
  },
  120_000,
);

test('what cannot be imported is refused with the reason, and whoever may not is refused at once', async () => {
  await using place = await workplace();
  await using commands = await openCommands();
  const file = join(place.directory, 'notes.txt');
  await Bun.write(file, 'nothing of the kind');
  expect(await commands.refused('advisories', 'sync', '--from', file)).toMatchObject([
    1,
    expect.stringContaining('the file is none of what can be imported'),
  ]);
  expect(await commands.refused('advisories', 'sync', '--from', 'http://10.0.0.1/all.zip')).toMatchObject([
    1,
    expect.stringContaining('10.0.0.1'),
  ]);
  expect(await commands.refused('advisories', 'sync', '--from', join(place.directory, 'missing'))).toMatchObject([
    2,
    expect.stringContaining('is not there'),
  ]);
  expect(await commands.refused('advisories', 'remove', '--feed', 'nobody', '--yes')).toMatchObject([
    3,
    expect.stringContaining('there is no source nobody'),
  ]);
  expect(await commands.refused('advisories', 'export')).toMatchObject([
    1,
    expect.stringContaining('nothing is known'),
  ]);
  expect((await commands.run(['advisories', 'status', '--fail-on-stale'])).code).toBe(1);
});
