import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { admissionMigrations } from '../../src/admission/index.ts';
import {
  advisoriesStatus,
  advisoryMigrations,
  importFile,
  openFile,
  registerComponents,
} from '../../src/advisories/index.ts';
import { type Catalog, catalogMigrations, ensureRegistry } from '../../src/catalog/index.ts';
import { contentMigrations } from '../../src/content/index.ts';
import { type Database, openDatabase, rowsOf } from '../../src/database/index.ts';
import { eventMigrations } from '../../src/events/index.ts';
import type { ImageComponent } from '../../src/inventory/index.ts';
import { jobMigrations } from '../../src/jobs/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import type { Component } from '../../src/packages/index.ts';
import { findImages } from '../../src/scanning/find-images.ts';
import { writeInventory } from '../../src/scanning/write-inventory.ts';
import {
  createKnowledge,
  newRematchState,
  reevaluate,
  requestScan,
  engineMigrations,
  scanningMigrations,
} from '../../src/scanning/index.ts';
import { exportPath, exports, hasExports, namedComponents } from '../advisories/components.ts';
import { crowdOf, type Shape } from '../shape.ts';

const images = 10_000;
const ofImage = 300;
/** Packages and versions that advisories speak of; nine times as many are there that none speaks of. */
const spokenOf = 2000;
const asked = { component: 'pkg:pypi/django@2.0', vulnerability: 'CVE-2018-14574' };
export const migrations = [
  ...jobMigrations,
  ...eventMigrations,
  ...contentMigrations,
  ...catalogMigrations,
  ...advisoryMigrations,
  ...admissionMigrations,
  ...scanningMigrations,
  ...engineMigrations,
];

export const scannedImages: Shape = {
  name: 'scanned-images',
  about:
    `${images.toLocaleString('en')} images of ${ofImage} packages each, a tenth of which advisories speak of, as scans leave them, over SQLite: which of them have a ` +
    'package or a CVE, with their repositories and tags; and all that is known of those that new advisories concern, evaluated and ' +
    'handed to admission.',
  contenders: ['bonded'],
  startsServers: true,
  needs: hasExports() ? [] : ['shared/testdata/osv'],
  rounds: 1,
  rows: [
    { key: 'component', what: 'the first 100 images that have a package', unit: 'ms', better: 'less' },
    { key: 'vulnerability', what: 'the first 100 images that have a CVE', unit: 'ms', better: 'less' },
    { key: 'images', what: 'images that an update of two ecosystems concerns', unit: '', better: 'more' },
    { key: 'evaluated', what: 'their findings and verdicts, evaluated anew', unit: '1/s', better: 'more' },
  ],
  async measure(situation) {
    const directory = await mkdtemp(join(situation.directory, 'scanned-'));
    const db = await openDatabase({ kind: 'sqlite', path: join(directory, 'bonded.db'), migrations });
    try {
      const catalog: Catalog = { db, now: Date.now, gcDelayMs: 1000, sparseIndexes: false };
      const registryId = await ensureRegistry(catalog, 'default');
      await fill(db, registryId, crowdOf(situation, images));
      for (const ecosystem of exports) {
        await using file = await openFile(exportPath(ecosystem));
        const context = { db, now: Date.now, rest: async () => {}, maxBytes: 2 ** 30 };
        await importFile(context, file, { origin: ecosystem, wants: () => true });
      }
      const knowledge = async () => createKnowledge(db, (await advisoriesStatus(db)).revision, Date.now);
      const state = newRematchState();
      const began = performance.now();
      let count = 0;
      for (let more = true; more;) {
        const done = await reevaluate({ db, now: Date.now }, knowledge, state);
        count += done.images;
        ({ more } = done);
      }
      const seconds = (performance.now() - began) / 1000;
      return {
        images: count,
        evaluated: count / seconds,
        component: await timed(() => findImages(catalog, registryId, { component: asked.component, top: 100 })),
        vulnerability: await timed(() =>
          findImages(catalog, registryId, { vulnerability: asked.vulnerability, top: 100 }),
        ),
      };
    } finally {
      await db.close();
      await rm(directory, { recursive: true, force: true });
    }
  },
};

/** The median of some (ms). */
async function timed(find: () => Promise<{ images: unknown[] }>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 21; n++) {
    const began = performance.now();
    const { images: found } = await find();
    times.push(performance.now() - began);
    if (found.length === 0) throw new Error('no image was found');
  }
  return times.toSorted((one, other) => one - other)[10]!;
}

/** Drawn by a fixed rule, popular packages more often. */
export async function fill(db: Database, registryId: number, count: number): Promise<void> {
  const named = await namedComponents();
  const bad = named.filter(({ name }, at) => name === 'django' || at % Math.ceil(named.length / spokenOf) === 0);
  // What nobody knows anything against, as is most of any image.
  const good = Array.from({ length: 9 * bad.length }, (_, n) => {
    return { ecosystem: 'Go', release: '', name: `example.com/${n % 3000}`, version: `1.${n}.0` };
  });
  const components = [...bad, ...good].toSorted((a, b) =>
    Bun.hash(a.name + a.version) < Bun.hash(b.name + b.version) ? -1 : 1,
  );
  const ids: number[] = [];
  for (let at = 0; at < components.length; at += 2000) {
    const some = components.slice(at, at + 2000);
    ids.push(...(await db.write((tx) => registerComponents(tx, some))));
  }
  const digests = Array.from({ length: count }, (_, n) => `sha256:${n.toString(16).padStart(64, '0')}` as Digest);
  const { repository } = (
    await db.change<{ repository: number }>(
      'INSERT INTO repositories (registry_id, name, created_at) VALUES (?, ?, 0) RETURNING id AS repository',
      [registryId, 'bench'],
    )
  )[0]!;
  await db.write(async (tx) => {
    const rows = digests.map((digest) => [registryId, repository, digest, 'x', 'image', 1, 0, new Uint8Array()]);
    for (const { rows: list, values } of rowsOf(rows))
      tx.send(
        `INSERT INTO manifests (registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes) VALUES ${list}`,
        values,
      );
  });
  let state = 1;
  const random = () => ((state = (state * 48_271) % 2_147_483_647) / 2_147_483_647) ** 2;
  const write = async (digest: Digest) => {
    const own = [...new Set(Array.from({ length: ofImage }, () => Math.floor(random() * ids.length)))];
    const id = await requestScan(db, digest, 'push', 0, { durable: false });
    await writeInventory(db, id, {
      inventory: { components: own.map((at) => installed(components[at]!)), warnings: [], partial: false },
      componentIds: own.map((at) => ids[at]!),
      baseCreatedAt: undefined,
      status: 'complete',
      revision: 1,
      scannedAt: 0,
    });
  };
  for (let at = 0; at < digests.length; at += 64) await Promise.all(digests.slice(at, at + 64).map(write));
  await db.write((tx) => tx.run(`UPDATE scans SET state = 'done'`, []));
}

const installed = (component: Component): ImageComponent => ({
  ...component,
  purl: `pkg:generic/${component.name}@${component.version}`,
  installedName: component.name,
  installedVersion: component.version,
  type: 'generic',
  path: 'usr/lib/somewhere/METADATA',
  layer: `sha256:${'0'.repeat(64)}`,
  layerIndex: 0,
});
