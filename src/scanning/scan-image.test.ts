import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { advisory } from '../advisories/advisory-rig.double.ts';
import { deleteManifest } from '../catalog/index.ts';
import { type Digest, mediaTypes } from '../oci/index.ts';
import { evaluateImage } from './evaluate-images.ts';
import { followContent } from './follow.ts';
import { changesOf } from './findings-store.ts';
import { findScan } from './image-store.ts';
import { inventoryOf } from './layers.ts';
import { claimScan, giveBackScan, requestScan } from './queue.ts';
import { scanImage } from './scan-image.ts';
import { debian, npm, openScanRig, type ScanRig } from './scan-rig.double.ts';

let rig: ScanRig;
beforeEach(async () => {
  rig = await openScanRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

const never = () => AbortSignal.timeout(60_000);
const ids = (findings: readonly { id: string }[] | undefined) => findings?.map(({ id }) => id);

test('an image is scanned: its packages, what is known against them, and admission is told', async () => {
  await rig.publish([advisory('GHSA-1', 'left-pad', '1.1.0', { aliases: ['CVE-2026-0001'] })]);
  const digest = await rig.push(
    'app',
    [debian({ openssl: '3.0.1-1' }), [npm('left-pad', '1.0.0'), npm('fine', '2.0.0')]],
    {
      config: JSON.stringify({ history: [{ created: '2026-01-02T00:00:00Z' }, { created: '2026-03-02T00:00:00Z' }] }),
    },
  );
  expect(await rig.scan(digest)).toBe('scanned');
  const found = (await rig.findings(digest))!;
  expect(found.findings).toMatchObject([
    {
      id: 'CVE-2026-0001',
      aliases: ['GHSA-1'],
      purl: 'pkg:npm/left-pad@1.0.0',
      installedName: 'left-pad',
      fixedVersion: '1.1.0',
      fixable: true,
    },
  ]);
  expect(found.summary).toMatchObject({ fixable: 1, kev: 0, possible: 0 });
  const inventory = (await rig.inventory(digest))!;
  expect(inventory.status).toBe('complete');
  expect(inventory.inventory.components.map(({ name }) => name).toSorted()).toEqual(['fine', 'left-pad', 'openssl']);
  expect(await rig.told(digest)).toMatchObject({
    status: 'complete',
    scannedAt: rig.now(),
    advisoriesAt: rig.now(),
    ecosystems: expect.arrayContaining(['Debian', 'npm']),
    baseImageCreatedAt: Date.UTC(2026, 0, 2),
    // Debian 12, with its long-term support and without.
    osEol: Date.UTC(2028, 6, 1),
    osStandardEol: Date.UTC(2026, 6, 12),
    findings: found.findings,
  });
});

test('a layer is read once, whatever images have it', async () => {
  const base = debian({ openssl: '3.0.1-1' });
  const one = await rig.push('app', [base, [npm('a', '1.0.0')]]);
  const two = await rig.push('other', [base, [npm('b', '1.0.0')]]);
  await rig.scan(one);
  expect(rig.layersRead()).toHaveLength(2);
  await rig.scan(two);
  expect(rig.layersRead()).toHaveLength(1);
  await rig.scan(two);
  expect(rig.layersRead()).toEqual([]);
});

test('a layer that ends whoever reads it is read three times, and then costs no other image anything', async () => {
  const bad = [npm('a', '1.0.0')];
  rig.extracts(() => ({ ok: false, reason: 'crashed', detail: 'by SIGSEGV', said: '' }));
  const one = await rig.push('app', [bad]);
  await expect(rig.scan(one)).rejects.toThrow('could not be read (crashed: by SIGSEGV)');
  await expect(rig.scan(one)).rejects.toThrow('crashed');
  expect(await rig.scan(one)).toBe('scanned');
  expect(rig.layersRead()).toHaveLength(3);
  const inventory = (await rig.inventory(one))!;
  expect(inventory.status).toBe('partial');
  expect(inventory.inventory.warnings).toMatchObject([{ code: 'no-inventory', detail: 'crashed: by SIGSEGV' }]);
  expect((await rig.told(one))!.status).toBe('partial');
  const two = await rig.push('app', [bad, debian({ openssl: '3.0.1-1' })]);
  rig.extracts(undefined);
  expect(await rig.scan(two)).toBe('scanned');
  expect(rig.layersRead()).toHaveLength(1);
});

test('a layer that could not be read is read anew where somebody asks for a scan, and by nobody else', async () => {
  const digest = await rig.push('app', [[npm('a', '1.0.0')]]);
  rig.extracts(() => ({ ok: false, reason: 'memory', detail: 'it took too much', said: '' }));
  for (let attempt = 1; attempt < 3; attempt++) await expect(rig.scan(digest)).rejects.toThrow('it took too much');
  await rig.scan(digest);
  rig.layersRead();
  expect(await rig.scan(digest, 'asked')).toBe('scanned');
  await rig.scan(digest);
  expect(rig.layersRead()).toHaveLength(1);
  expect((await rig.told(digest))!.status).toBe('partial');
  // As it is once `scanning.memory` is more.
  rig.extracts(undefined);
  await rig.scan(digest, 'schedule');
  expect((await rig.told(digest))!.status).toBe('partial');
  await rig.scan(digest, 'asked');
  expect((await rig.told(digest))!.status).toBe('complete');
  expect(rig.layersRead()).toHaveLength(1);
  await rig.scan(digest, 'asked');
  expect(rig.layersRead()).toEqual([]);
});

describe('a layer that could not be read, of several images', () => {
  const bad = [npm('a', '1.0.0')];
  const fails = () => rig.extracts(() => ({ ok: false, reason: 'memory', detail: 'it took too much', said: '' }));
  const names = async (digest: Digest) => (await rig.inventory(digest))!.inventory.components.map(({ name }) => name);
  let one: Digest;
  let two: Digest;
  beforeEach(async () => {
    one = await rig.push('app', [bad]);
    fails();
    for (let attempt = 1; attempt < 3; attempt++) await expect(rig.scan(one)).rejects.toThrow('it took too much');
    await rig.scan(one);
    rig.extracts(undefined);
    two = await rig.push('other', [bad, [npm('b', '1.0.0')]]);
    await rig.scan(two);
    expect([await names(one), await names(two)]).toEqual([[], ['b']]);
  });

  test('is read where somebody asks for one of them, and all have it from their next scan on', async () => {
    await rig.scan(one, 'asked');
    expect(await names(one)).toEqual(['a']);
    rig.layersRead();
    await rig.scan(two, 'schedule');
    expect([await names(two), rig.layersRead()]).toEqual([['a', 'b'], []]);
    expect((await rig.told(two))!.status).toBe('complete');
  });

  test('is given up again at once where it fails again, so that an image that has many of them ends', async () => {
    const layers = ['c', 'd', 'e'].map((name) => [npm(name, '1.0.0')]);
    const many = await rig.push('many', layers);
    fails();
    for (let failure = 1; failure <= 6; failure++) await expect(rig.scan(many)).rejects.toThrow('it took too much');
    expect(await rig.scan(many)).toBe('scanned');
    rig.layersRead();
    expect(await rig.scan(many, 'asked')).toBe('scanned');
    expect(rig.layersRead()).toHaveLength(3);
    expect((await rig.told(many))!.status).toBe('partial');
    await rig.scan(many, 'schedule');
    expect(rig.layersRead()).toEqual([]);
  });

  test('is read where the scan that somebody asked for was broken off and goes on', async () => {
    await requestScan(rig.db, one, 'asked', rig.now());
    const taken = (await claimScan(rig.db, rig.now()))!;
    const ended = AbortSignal.abort(new Error('the server is told to end'));
    await expect(scanImage(rig.source, taken, rig.knowledge, ended)).rejects.toThrow('told to end');
    await giveBackScan(rig.db, taken);
    const again = (await claimScan(rig.db, rig.now()))!;
    expect(await scanImage(rig.source, again, rig.knowledge, never())).toBe('scanned');
    expect(await names(one)).toEqual(['a']);
  });
});

test('a layer that is not here is said to be missing, and the image is known in part', async () => {
  const layer = {
    digest: `sha256:${'0'.repeat(64)}` as const,
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  };
  const inventory = await inventoryOf(rig.source, layer, never());
  expect(inventory.warnings).toMatchObject([{ code: 'foreign-layer' }]);
});

test('what nobody can run is nothing to scan, is told so, and is not asked for again', async () => {
  const { catalog } = rig;
  const chart = await catalog.blob('chart', 'bytes', 'application/vnd.cncf.helm.chart.content.v1.tar+gzip');
  const config = await catalog.blob('chart', '{}', 'application/vnd.cncf.helm.config.v1+json');
  const { digest } = await catalog.push('chart', catalog.image([config, chart]));
  expect(await rig.scan(digest)).toBe('nothing to scan');
  expect(await rig.told(digest)).toMatchObject({ status: 'unsupported', findings: [] });
});

test('an image of which nothing is known is said to be unsupported, not clean', async () => {
  const digest = await rig.push('app', [[{ name: 'hello', content: 'a program' }]]);
  await rig.scan(digest);
  expect(await rig.told(digest)).toMatchObject({ status: 'unsupported' });
});

test('who evaluates anew with the same knowledge changes nothing; what comes and goes is recorded, with when it was first seen', async () => {
  await rig.publish([advisory('A-1', 'left-pad', '1.1.0')]);
  const digest = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  await rig.scan(digest);
  const scan = (await findScan(rig.db, digest))!;
  const first = (await rig.findings(digest))!;
  const began = rig.now();
  rig.clock.now += 60_000;
  await rig.evaluate(digest);
  expect((await rig.findings(digest))!.findings).toEqual(first.findings);
  expect(await changesOf(rig.db, scan.id, 10)).toEqual([]);
  await rig.publish([advisory('A-1', 'left-pad', '1.1.0'), advisory('A-2', 'left-pad', undefined)]);
  await rig.evaluate(digest);
  const second = (await rig.findings(digest))!.findings;
  expect(second.map(({ id, firstSeen }) => [id, firstSeen]).toSorted()).toEqual([
    ['A-1', began],
    ['A-2', rig.now()],
  ]);
  rig.clock.now += 60_000;
  await rig.publish([advisory('A-2', 'left-pad', undefined)]);
  await rig.evaluate(digest);
  expect(await changesOf(rig.db, scan.id, 10)).toMatchObject([
    { vulnerability: 'A-1', change: 'closed', at: rig.now() },
    { vulnerability: 'A-2', change: 'opened', purl: 'pkg:npm/left-pad@1.0.0' },
  ]);
  expect(ids((await rig.told(digest))!.findings)).toEqual(['A-2']);
});

test('of two that evaluate an image at the same time the newest knowledge has the last word, in what is told too', async () => {
  await rig.publish([advisory('A-1', 'left-pad', '1.1.0')]);
  const digest = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  await rig.scan(digest);
  const old = await rig.knowledge();
  const known = await old.of((await rig.inventory(digest))!.componentIds.filter((id) => id !== null));
  expect([...known.values()].flat()).toHaveLength(1);
  await rig.publish([advisory('A-2', 'left-pad', '1.1.0')]);
  const scan = (await findScan(rig.db, digest))!;
  const context = { db: rig.db, now: rig.now };
  const fresh = await rig.knowledge();
  for (let round = 0; round < 5; round++) {
    await Promise.all([old, fresh, old].map((each) => evaluateImage(context, { scanId: scan.id, digest }, each)));
    expect(ids((await rig.findings(digest))!.findings)).toEqual(['A-2']);
    expect(ids((await rig.told(digest))!.findings)).toEqual(['A-2']);
  }
});

test('each registry that has an image is told', async () => {
  const other = await rig.catalog.registry('other');
  const layers = [[npm('left-pad', '1.0.0')]];
  const digest = await rig.push('app', layers);
  await rig.push('team/app', layers, { at: other });
  await rig.scan(digest);
  expect(await rig.told(digest)).toBeDefined();
  expect(await rig.told(digest, other.registryId)).toEqual(await rig.told(digest));
});

test('what is pushed is asked for, once a digest; an index is not; what is gone is forgotten', async () => {
  const { db, catalog } = rig;
  const digest = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  await rig.push('again', [[npm('left-pad', '1.0.0')]]);
  const manifests = [{ mediaType: mediaTypes.ociManifest, digest, size: await rig.sizeOf(digest) }];
  const index = await catalog.push('app', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  while ((await followContent(db, rig.now)) > 0);
  expect(await findScan(db, digest)).toMatchObject({ state: 'queued', reason: 'push' });
  expect(await findScan(db, index.digest)).toBeUndefined();
  await rig.scan(digest);
  const remove = async (name: string, one: typeof digest) =>
    deleteManifest(catalog, await catalog.repository(name), one);
  await remove('app', index.digest);
  await remove('app', digest);
  while ((await followContent(db, rig.now)) > 0);
  expect(await rig.findings(digest)).toBeDefined();
  await remove('again', digest);
  while ((await followContent(db, rig.now)) > 0);
  expect(await findScan(db, digest)).toBeUndefined();
  for (const table of ['image_inventories', 'image_components', 'image_findings', 'finding_changes']) {
    expect(await db.all(`SELECT * FROM ${table}`, [])).toEqual([]);
  }
});

test('the scan of what was deleted meanwhile leaves nothing behind', async () => {
  const digest = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  await requestScan(rig.db, digest, 'push', rig.now());
  rig.extracts(() => undefined);
  await deleteManifest(rig.catalog, await rig.catalog.repository('app'), digest);
  expect(await rig.scan(digest)).toBe('gone');
  expect(await findScan(rig.db, digest)).toBeUndefined();
});
