import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { admissionMigrations, admissionPolicyType, type RepositoryRules } from '../../src/admission/index.ts';
import { createRecompute } from '../../src/admission/recompute.ts';
import type { AdmissionRules } from '../../src/admission/rules.ts';
import { policyOf } from '../../src/admission/written-rules.ts';
import { createVerdicts } from '../../src/admission/verdicts.ts';
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
    'package or a CVE, with their repositories and tags; and what an update of the advisories of two ecosystems makes of them, ' +
    'one after the other: packages compared with advisories, findings of images, verdicts by a policy. No layer is read.',
  contenders: ['bonded'],
  long: true,
  startsServers: true,
  needs: hasExports() ? [] : ['shared/testdata/osv'],
  rounds: 1,
  rows: [
    { key: 'component', what: 'the first 100 images that have a package', unit: 'ms', better: 'less' },
    { key: 'vulnerability', what: 'the first 100 images that have a CVE', unit: 'ms', better: 'less' },
    { key: 'images', what: 'images that an update of two ecosystems concerns', unit: '', better: 'more' },
    {
      key: 'compared',
      what: 'all their advisories new, until packages are compared with them',
      unit: 's',
      better: 'less',
    },
    {
      key: 'matched',
      what: 'and until all that they concern has its findings: matching',
      unit: 's',
      better: 'less',
      limits: { bonded: 60 },
    },
    { key: 'found', what: 'findings of images, of that', unit: '1/s', better: 'more' },
    {
      key: 'judged',
      what: 'then their verdicts by a policy, until all are made anew: evaluation',
      unit: 's',
      better: 'less',
    },
    { key: 'verdicts', what: 'verdicts, of that', unit: '1/s', better: 'more' },
  ],
  async measure(situation) {
    const directory = await mkdtemp(join(situation.directory, 'scanned-'));
    const db = await openDatabase({ kind: 'sqlite', path: join(directory, 'bonded.db'), migrations });
    try {
      const catalog: Catalog = { db, now: Date.now, gcDelayMs: 1000, sparseIndexes: false };
      const registryId = await ensureRegistry(catalog, 'default');
      await fill(db, registryId, crowdOf(situation, images));
      const recompute = admissionOf(catalog);
      const began = performance.now();
      // What is asked for is PyPI's.
      for (const ecosystem of situation.scale.brief ? ['PyPI'] : exports) {
        await using file = await openFile(exportPath(ecosystem));
        const context = { db, now: Date.now, rest: async () => {}, maxBytes: 2 ** 30 };
        await importFile(context, file, { origin: ecosystem, wants: () => true });
      }
      const knowledge = async () => createKnowledge(db, (await advisoriesStatus(db)).revision, Date.now);
      const compared = performance.now();
      const state = newRematchState();
      let count = 0;
      for (let more = true; more;) {
        const done = await reevaluate({ db, now: Date.now }, knowledge, state);
        count += done.images;
        ({ more } = done);
      }
      const matched = performance.now();
      while (await recompute());
      const judged = performance.now();
      const verdicts = await judgedIn(db);
      if (verdicts < count) throw new Error(`of ${count} images ${verdicts} have a verdict`);
      const seconds = (from: number, to: number) => (to - from) / 1000;
      return {
        images: count,
        compared: seconds(began, compared),
        matched: seconds(began, matched),
        found: count / seconds(compared, matched),
        judged: seconds(matched, judged),
        verdicts: verdicts / seconds(matched, judged),
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

/** What makes verdicts anew in the background, as a server does; by one policy for all images. */
function admissionOf(catalog: Catalog): () => Promise<boolean> {
  const properties = { repositories: ['*'], mode: 'enforce', severity: 'High', fixableOnly: true };
  const policy = policyOf('bench', admissionPolicyType.properties.parse(properties));
  const own: RepositoryRules = {
    repository: 'bench',
    policies: [policy],
    exceptions: [],
    revision: 'bench',
    enforces: true,
    quarantines: false,
    holdsPrevious: false,
    guardsBlobs: false,
    isUnderstood: true,
  };
  const rules: AdmissionRules = { of: () => own, registry: () => undefined, all: () => [] };
  const blobs = { read: () => Promise.reject(new Error('no layer is read')) };
  const options = { catalog, blobs, rules, now: Date.now };
  const failed = (error: unknown) => {
    throw error;
  };
  return createRecompute({ ...options, verdicts: createVerdicts(options), failed }).recompute;
}

/** Images that have been decided on by what is known now. */
async function judgedIn(db: Database): Promise<number> {
  const row = await db.first<{ count: number }>(
    `SELECT count(*) AS count FROM verdicts v JOIN evidence e ON e.digest = v.digest AND e.version = v.evidence_version`,
    [],
  );
  return row!.count;
}

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

const never = Number.MAX_SAFE_INTEGER;

/** What every image has for a manifest: nobody looks into its layer. */
const manifest = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  bytes: new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: `sha256:${'a'.repeat(64)}`, size: 1 },
      layers: [
        { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: `sha256:${'b'.repeat(64)}`, size: 1 },
      ],
    }),
  ),
};

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
    const { bytes, mediaType } = manifest;
    const rows = digests.map((digest) => [registryId, repository, digest, mediaType, 'image', bytes.length, 0, bytes]);
    for (const { rows: list, values } of rowsOf(rows))
      tx.send(
        `INSERT INTO manifests (registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes) VALUES ${list}`,
        values,
      );
    const verdicts = digests.map((digest) => [registryId, repository, digest, 'allow', '', 0, 0, '{}', 0, 0, never]);
    for (const { rows: list, values } of rowsOf(verdicts))
      tx.send(
        `INSERT INTO verdicts (registry_id, repository_id, digest, effect, revision, evidence_version, state_version, body,
          evaluated_at, valid_until, due) VALUES ${list}`,
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
