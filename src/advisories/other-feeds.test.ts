import { expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { testdata } from '../../test/support/testdata.ts';
import { createOutbound } from '../outbound/index.ts';
import { component, contextOf, openAdvisories } from './advisory-rig.double.ts';
import type { Artifact } from './artifact.ts';
import { advisoriesConfig } from './config.ts';
import { listFeeds } from './feed-rows.ts';
import type { RefreshContext } from './feeds/feeds.ts';
import { boltOf } from './formats/bolt.double.ts';
import { sourceOf } from './formats/byte-source.ts';
import { importFile } from './import-file.ts';
import { exploitedOf } from './kev.ts';
import { startMirror } from './mirror.double.ts';
import { refreshFeeds } from './refresh.ts';
import { registerComponents } from './register.ts';
import { vulnerabilitiesOf } from './vulnerabilities.ts';

const fetcher = (host: string) => ({
  outbound: createOutbound({ allow: [host] }),
  signal: new AbortController().signal,
  sleep: async () => {},
});
const noArtifact = () => Promise.reject(new Error('there is no registry'));

test('the tracker of Debian and the secdb of Alpine are fetched where images have their packages, of their releases', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  const config = advisoriesConfig.parse({
    debianTracker: `${mirror.base}/debian.json`,
    alpineSecdb: `${mirror.base}/alpine`,
    sources: ['debian-tracker', 'alpine-secdb'],
  });
  const secdb = (release: string, reponame: string, name: string) =>
    JSON.stringify({
      distroversion: release,
      reponame,
      packages: [{ pkg: { name, secfixes: { '2-r0': ['CVE-2026-0001'] } } }],
    });
  mirror.put(
    '/debian.json',
    JSON.stringify({ zlib: { 'CVE-2026-0002': { releases: { bookworm: { status: 'open', urgency: 'low' } } } } }),
  );
  mirror.put('/alpine/v3.20/main.json', secdb('v3.20', 'main', 'busybox'));
  mirror.put('/alpine/v3.20/community.json', secdb('v3.20', 'community', 'go'));
  const context: RefreshContext = { ...contextOf(db), fetcher: fetcher(mirror.host), openArtifact: noArtifact };
  expect((await refreshFeeds(context, config, { all: true })).feeds).toEqual([]);
  const ids = await registerComponents(db, [
    component('busybox', '1-r0', 'Alpine', 'v3.20'),
    component('zlib', '1', 'Debian', '12'),
  ]);
  const done = await refreshFeeds(context, config, { all: true });
  expect(done.failed).toEqual([]);
  expect(done.feeds.map(({ feed }) => feed)).toEqual([
    'debian-tracker',
    'alpine-secdb/v3.20/main',
    'alpine-secdb/v3.20/community',
  ]);
  const found = await vulnerabilitiesOf(db, ids);
  expect(ids.map((id) => found.get(id)!.map((one) => one.id))).toEqual([['CVE-2026-0001'], ['CVE-2026-0002']]);
  // What has not changed is not read again.
  expect((await refreshFeeds(context, config, { all: true })).feeds.every(({ unchanged }) => unchanged)).toBe(true);
});

test('trivy-db is imported again when it is another one, or images have packages of another ecosystem', async () => {
  await using db = await openAdvisories();
  const advisory = JSON.stringify({ FixedVersion: '2' });
  const tree = {
    'debian 12': { zlib: { 'CVE-2026-0001': advisory } },
    'alpine 3.20': { zlib: { 'CVE-2026-0001': advisory } },
    vulnerability: {},
  };
  const packed = gzipSync(tarOf('trivy.db', boltOf(tree)));
  let digest = 'sha256:1';
  let reads = 0;
  const openArtifact = (): Promise<Artifact> =>
    Promise.resolve({
      digest,
      name: 'ghcr.io/aquasecurity/trivy-db:2',
      artifactType: 'application/vnd.aquasec.trivy.config.v1+json',
      layers: [
        {
          mediaType: 'application/vnd.aquasec.trivy.db.layer.v1.tar+gzip',
          digest,
          size: packed.length,
          annotations: {},
          async *read() {
            reads++;
            yield packed;
          },
        },
      ],
    });
  let now = 1_000_000;
  const context: RefreshContext = { ...contextOf(db, { now: () => now }), fetcher: fetcher('none'), openArtifact };
  const config = advisoriesConfig.parse({ sources: ['trivy-db'] });
  const refresh = () => refreshFeeds(context, config, { all: true });
  await registerComponents(db, [component('zlib', '1', 'Debian', '12')]);
  expect((await refresh()).feeds).toMatchObject([{ feed: 'trivy-db', added: 1 }]);
  now += 1000;
  expect((await refresh()).feeds).toMatchObject([{ unchanged: true }]);
  expect(reads).toBe(1);
  expect((await listFeeds(db)).find(({ id }) => id === 'trivy-db/debian 12')!.okAt).toBe(now);
  await registerComponents(db, [component('zlib', '1', 'Alpine', 'v3.20')]);
  expect((await refresh()).feeds).toMatchObject([{ added: 1 }]);
  digest = 'sha256:2';
  expect((await refresh()).feeds).toMatchObject([{ added: 0, records: 2 }]);
  expect(reads).toBe(3);
});

function tarOf(name: string, content: Uint8Array): Uint8Array {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  return Buffer.concat([head, content, Buffer.alloc(((512 - (content.length % 512)) % 512) + 1024)]);
}

const zip = testdata('osv/Go/all.zip');
test.if(zip !== undefined)(
  'the real export of Go on a mirror that has no list of what changed',
  async () => {
    await using mirror = await startMirror();
    await using db = await openAdvisories();
    mirror.put('/Go/all.zip', await Bun.file(zip!).bytes());
    const [id] = await registerComponents(db, [component('github.com/openfga/openfga', '1.8.5', 'Go')]);
    const config = advisoriesConfig.parse({ osv: mirror.base, sources: ['osv'] });
    const context: RefreshContext = { ...contextOf(db), fetcher: fetcher(mirror.host), openArtifact: noArtifact };
    expect(await refreshFeeds(context, config, { all: false })).toMatchObject({
      feeds: [{ records: 4291 }],
      failed: [],
    });
    const found = (await vulnerabilitiesOf(db, [id!])).get(id!)!;
    expect(found.find((one) => one.id === 'CVE-2025-48371')).toMatchObject({
      records: ['GO-2025-3707'],
      fixedVersion: '1.8.13',
      sources: [{ name: 'Go Vulnerability Database', licence: 'CC-BY-4.0' }],
    });
  },
  60_000,
);

test('a catalogue of CISA that has lost most of what was known is not believed', async () => {
  await using db = await openAdvisories();
  const catalogue = (cves: readonly string[]) =>
    sourceOf(Buffer.from(JSON.stringify({ catalogVersion: '1', vulnerabilities: cves.map((cveID) => ({ cveID })) })));
  const all = Array.from({ length: 200 }, (_, n) => `CVE-2026-${1000 + n}`);
  const bring = (cves: readonly string[], force = false) =>
    importFile(contextOf(db, { force }), catalogue(cves), { origin: 'test', wants: () => true });
  await bring(all);
  await expect(bring(all.slice(0, 99))).rejects.toThrow('it has only 99 of the 200 vulnerabilities');
  expect((await exploitedOf(db, all)).size).toBe(200);
  expect(await bring([...all.slice(0, 150), 'CVE-new'])).toMatchObject([{ feed: 'kev', records: 151, refused: 1 }]);
  await bring(all.slice(0, 1), true);
  expect((await exploitedOf(db, all)).size).toBe(1);
});
