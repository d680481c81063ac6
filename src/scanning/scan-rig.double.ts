import { admissionMigrations } from '../admission/index.ts';
import type { ScanEvidence } from '../admission/index.ts';
import { advisoriesStatus, advisoryMigrations, type OsvRecord } from '../advisories/index.ts';
import { importAll } from '../advisories/advisory-rig.double.ts';
import { openTestCatalog, type TestCatalog } from '../catalog/test-catalog.double.ts';
import { archiveOf, dpkgStatus } from '../inventory/archive.double.ts';
import { type Extraction, readLayer } from '../inventory/index.ts';
import { jobMigrations } from '../jobs/index.ts';
import { type Digest, mediaTypes } from '../oci/index.ts';
import { evaluateImage } from './evaluate-images.ts';
import { readFindings } from './findings-store.ts';
import { findScan, readInventory } from './image-store.ts';
import { createKnowledge } from './knowledge.ts';
import type { LayerSource } from './layers.ts';
import { claimScan, failScan, finishScan, requestScan, type ScanReason } from './queue.ts';
import { scanImage } from './scan-image.ts';
import { engineMigrations } from './engines/tables.ts';
import { scanningMigrations } from './tables.ts';

const layerType = 'application/vnd.oci.image.layer.v1.tar';
/** One file a package, as Debian's distroless images have them. */
export const osRelease = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n';

export const debian = (packages: Record<string, string>) => [
  { name: 'etc/os-release', content: osRelease },
  { name: 'var/lib/dpkg/status', content: dpkgStatus(packages) },
];

export const npm = (name: string, version: string) => ({
  name: `app/node_modules/${name}/package.json`,
  content: JSON.stringify({ name, version }),
});

/** A catalog with images whose layers are there, advisories, and what is told to admission. */
export async function openScanRig() {
  const migrations = [
    ...jobMigrations,
    ...advisoryMigrations,
    ...admissionMigrations,
    ...scanningMigrations,
    ...engineMigrations,
  ];
  const catalog = await openTestCatalog({ migrations });
  const { db, clock } = catalog;
  const stored = new Map<string, string>();
  const now = () => clock.now;
  const read: string[] = [];
  let extraction: ((layer: string) => Extraction | undefined) | undefined;
  const source: LayerSource = {
    db,
    now,
    blobs: { read: (key) => new TextEncoder().encode(stored.get(key.slice(0, key.lastIndexOf('-'))) ?? '') },
    async extract(open, { mediaType }) {
      const text = await new Response((await open()) as ReadableStream<Uint8Array>).bytes();
      const digest = [...stored].find(([, content]) => content === new TextDecoder().decode(text))![0];
      read.push(digest);
      const made = extraction?.(digest);
      return made ?? { ok: true, inventory: await readLayer(new Blob([text]).stream(), { mediaType }) };
    },
  };
  const knowledge = async () => createKnowledge(db, (await advisoriesStatus(db)).revision, () => clock.now);

  return {
    catalog,
    db,
    clock,
    now,
    source,
    knowledge,
    /** Digests of layers that were read since the last time. */
    layersRead: () => read.splice(0),
    /** What reading a layer comes to, in place of what it would. */
    extracts: (how: typeof extraction) => void (extraction = how),
    /** Pushes an image of these layers, the lowest first. */
    async push(
      repository: string,
      layers: readonly (readonly { name: string; content?: string }[])[],
      { tags = [], config = '{}', at = catalog }: { tags?: string[]; config?: string; at?: TestCatalog } = {},
    ): Promise<Digest> {
      const blobs = [await at.blob(repository, config, mediaTypes.ociConfig)];
      for (const layer of layers) blobs.push(await at.blob(repository, archiveOf(layer).toString('latin1'), layerType));
      for (const [index, layer] of layers.entries())
        stored.set(blobs[index + 1]!.digest, archiveOf(layer).toString('latin1'));
      stored.set(blobs[0]!.digest, config);
      return (await at.push(repository, at.image(blobs), { tags })).digest;
    },
    /** Scans an image as a runner would. */
    async scan(digest: Digest, reason: ScanReason = 'push'): Promise<string> {
      await requestScan(db, digest, reason, now());
      const taken = (await claimScan(db, now()))!;
      try {
        const outcome = await scanImage(source, taken, knowledge, AbortSignal.timeout(60_000));
        await finishScan(db, taken, now());
        return outcome;
      } catch (error) {
        await failScan(db, taken, 'it failed', now());
        throw error;
      }
    },
    async evaluate(digest: Digest) {
      const scan = (await findScan(db, digest))!;
      return evaluateImage({ db, now }, { scanId: scan.id, digest }, await knowledge());
    },
    publish: (records: readonly OsvRecord[], part = 'osv/npm') => importAll(db, records, { part }),
    async findings(digest: Digest) {
      const scan = await findScan(db, digest);
      return scan && readFindings(db, scan.id);
    },
    async inventory(digest: Digest) {
      const scan = await findScan(db, digest);
      return scan && readInventory(db, scan.id);
    },
    async sizeOf(digest: Digest): Promise<number> {
      return (await db.first<{ size: number }>('SELECT size FROM manifests WHERE digest = ? LIMIT 1', [digest]))!.size;
    },
    /** What admission was told of an image, in a registry. */
    async told(digest: Digest, registryId = catalog.registryId): Promise<ScanEvidence | undefined> {
      const row = await db.first<{ body: Uint8Array<ArrayBuffer> }>(
        `SELECT body FROM evidence WHERE digest = ? AND registry_id = ? AND kind = 'scan'`,
        [digest, registryId],
      );
      return row && (JSON.parse(Bun.zstdDecompressSync(row.body).toString()) as ScanEvidence);
    },
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  };
}

export type ScanRig = Awaited<ReturnType<typeof openScanRig>>;
