import { afterEach, beforeEach, expect, test } from 'bun:test';
import fc from 'fast-check';
import { advisory } from '../advisories/advisory-rig.double.ts';
import { deleteManifest } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';
import { type Evaluated, evaluateImage, evaluateImages } from './evaluate-images.ts';
import { changesOf } from './findings-store.ts';
import { findScan, forgetImage } from './image-store.ts';
import { npm, openScanRig, type ScanRig } from './scan-rig.double.ts';

// Each run scans several images twice.
const numRuns = Math.ceil(Number(process.env['BONDED_TEST_RUNS'] ?? 64) / 8);

let rig: ScanRig;
beforeEach(async () => {
  rig = await openScanRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

const names = ['left-pad', 'right-pad', 'mid-pad'];
const somePackages = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.integer({ min: 0, max: 3 })), {
  maxLength: 4,
  selector: ([name]) => name,
});
const someAdvisories = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 1, max: 6 }),
    name: fc.constantFrom(...names),
    fixed: fc.integer({ min: 1, max: 4 }),
  }),
  { maxLength: 5, selector: ({ id }) => id },
);

/** All that is kept of images and told of them, but for the numbers that are another one each time. */
async function allOf(images: readonly Evaluated[]): Promise<unknown[]> {
  return Promise.all(
    images.map(async ({ scanId, digest }) => ({
      findings: await rig.findings(digest),
      told: await rig.told(digest),
      changes: await changesOf(rig.db, scanId, 100),
    })),
  );
}

async function scanned(...images: (readonly (readonly [string, number])[])[]): Promise<Evaluated[]> {
  const found: Evaluated[] = [];
  for (const [at, packages] of images.entries()) {
    // Images with the same packages are different ones.
    const layer = [npm(`own-${at}`, '1.0.0'), ...packages.map(([name, version]) => npm(name, `${version}.0.0`))];
    const digest = await rig.push('app', [layer]);
    await rig.scan(digest);
    found.push({ scanId: (await findScan(rig.db, digest))!.id, digest });
  }
  return found;
}

const publish = (some: readonly { id: number; name: string; fixed: number }[]) =>
  rig.publish([
    advisory('A-0', 'unheard', '1.0.0'),
    ...some.map(({ id, name, fixed }) => advisory(`A-${id}`, name, `${fixed}.0.0`)),
  ]);

/** Puts back what was kept and told, so that the same images are evaluated twice from the same state. */
async function remembered(): Promise<() => Promise<void>> {
  const tables = ['image_findings', 'finding_changes', 'evidence'];
  const rows = await Promise.all(
    tables.map((table) => rig.db.all<Record<string, never>>(`SELECT * FROM ${table} ORDER BY 1`, [])),
  );
  return () =>
    rig.db.write(async (tx) => {
      for (const [at, table] of tables.entries()) {
        await tx.run(`DELETE FROM ${table}`, []);
        for (const row of rows[at]!) {
          // Numbers of changes are given anew, in the same order.
          const cells = Object.entries<never>(row).filter(([name]) => name !== 'id');
          await tx.run(
            `INSERT INTO ${table} (${cells.map(([name]) => `"${name}"`).join(', ')})
              VALUES (${cells.map(() => '?').join(', ')})`,
            cells.map(([, value]) => value),
          );
        }
      }
    });
}

test('images that are evaluated together come to what they come to one by one, whoever wrote what is known of them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(somePackages, { minLength: 2, maxLength: 4 }),
      someAdvisories,
      someAdvisories,
      fc.boolean(),
      async (packages, first, second, isOlderNode) => {
        await publish(first);
        const images = await scanned(...packages);
        rig.clock.now += 60_000;
        await publish(second);
        const context = { db: rig.db, now: rig.now };
        const putBack = await remembered();
        for (const image of images) await evaluateImage(context, image, await rig.knowledge());
        const alone = await allOf(images);
        await putBack();
        if (isOlderNode) {
          await rig.db.write(async (tx) => {
            await tx.run('UPDATE image_inventories SET packages = NULL', []);
            await tx.run('UPDATE image_findings SET seen = NULL', []);
          });
        }
        const ids = await evaluateImages(context, images, await rig.knowledge());
        expect(ids).toEqual(new Set(images.map(({ scanId }) => scanId)));
        expect(await allOf(images)).toEqual(alone);
      },
    ),
    { numRuns },
  );
});

test('what an older node has written since is what counts, not what lies beside it', async () => {
  await rig.publish([advisory('A-1', 'left-pad', '2.0.0')]);
  const [image] = await scanned([['left-pad', 1]]);
  // As a node writes that does not know the columns.
  await rig.db.write(async (tx) => {
    await tx.run(`UPDATE image_findings SET version = version + 1, body = ?`, [
      new Uint8Array(Bun.zstdCompressSync('[]')),
    ]);
  });
  await rig.publish([advisory('A-1', 'left-pad', '2.0.0'), advisory('A-2', 'left-pad', '2.0.0')]);
  await rig.evaluate(image!.digest);
  const opened = (await changesOf(rig.db, image!.scanId, 10)).map(({ vulnerability, change }) => [
    change,
    vulnerability,
  ]);
  expect(opened.toSorted()).toEqual([
    ['opened', 'A-1'],
    ['opened', 'A-2'],
  ]);
});

test('one image that is gone, was never read, or is evaluated by somebody else meanwhile takes nothing from the others', async () => {
  const images = await scanned([['left-pad', 1]], [['left-pad', 2]], [['left-pad', 3]]);
  const old = await rig.knowledge();
  await rig.publish([advisory('A-1', 'left-pad', undefined)]);
  const context = { db: rig.db, now: rig.now };
  const [gone, busy, calm] = images as [Evaluated, Evaluated, Evaluated];
  await deleteManifest(rig.catalog, await rig.catalog.repository('app'), gone.digest);
  await rig.db.write((tx) => forgetImage(tx, gone.scanId));
  const never = { scanId: 99_999, digest: `sha256:${'9'.repeat(64)}` as Digest };
  const knowledge = await rig.knowledge();
  const [together] = await Promise.all([
    evaluateImages(context, [never, ...images], knowledge),
    evaluateImage(context, busy, knowledge),
    evaluateImage(context, busy, old),
  ]);
  expect(together).toEqual(new Set([busy.scanId, calm.scanId]));
  for (const { digest } of [busy, calm]) {
    expect((await rig.findings(digest))!.findings).toMatchObject([{ id: 'A-1' }]);
    expect((await rig.told(digest))!.findings).toMatchObject([{ id: 'A-1' }]);
  }
  expect(await rig.findings(gone.digest)).toBeUndefined();
});
