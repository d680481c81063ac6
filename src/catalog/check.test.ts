import { expect, test } from 'bun:test';
import type { Transaction } from '../database/index.ts';
import { digestOf } from '../oci/index.ts';
import { type Subject, wholeRepository } from './attributes.ts';
import { changeAttributes } from './change-attributes.ts';
import { checkCatalog } from './check.ts';
import { putMetadata } from './custom-metadata.ts';
import { deleteManifest } from './delete-manifest.ts';
import { openKeeping, remove } from './keeping-catalog.double.ts';
import { openTestCatalog, refusal, type TestCatalog } from './test-catalog.double.ts';

async function openImage() {
  const catalog = await openTestCatalog();
  const blobs = [await catalog.blob('app', 'config'), await catalog.blob('app', 'layer')];
  const image = await catalog.push('app', catalog.image(blobs), { tags: ['latest'] });
  return { catalog, blobs, image };
}

async function codes(catalog: Awaited<ReturnType<typeof openImage>>['catalog'], repair = false): Promise<string[]> {
  return (await Array.fromAsync(checkCatalog(catalog, { repair }))).map(
    ({ code, repaired }) => `${code}${repaired ? ' mended' : ''}`,
  );
}

test('a sound catalog has no findings, and a repair of it changes nothing', async () => {
  const { catalog } = await openImage();
  await using _ = catalog;
  expect(await codes(catalog)).toEqual([]);
  expect(await codes(catalog, true)).toEqual([]);
  expect(await catalog.count('blob_links')).toBe(2);
});

type Image = Awaited<ReturnType<typeof openImage>>;

const damages: [damage: string, code: string, hurt: (tx: Transaction, image: Image) => Promise<unknown>][] = [
  [
    'a link that reads another size than its blob has',
    'link-stale',
    (tx, { blobs }) => tx.updateTable('blob_links').set({ size: 1 }).where('digest', '=', blobs[0]!.digest).execute(),
  ],
  [
    'references that are not what the bytes say',
    'references-differ',
    (tx, { blobs }) => tx.deleteFrom('manifest_references').where('digest', '=', blobs[1]!.digest).execute(),
  ],
  [
    'references of a manifest that is gone',
    'references-orphaned',
    (tx) =>
      tx
        .insertInto('manifest_references')
        .columns([
          'registry_id',
          'repository_id',
          'manifest_digest',
          'digest',
          'role',
          'required',
          'size',
          'media_type',
        ])
        .expression((eb) =>
          eb
            .selectFrom('manifest_references')
            .select((select) => [
              'registry_id',
              'repository_id',
              select.val(digestOf('gone')).as('manifest_digest'),
              'digest',
              'role',
              'required',
              'size',
              'media_type',
            ]),
        )
        .execute(),
  ],
  [
    'a tag to a manifest that is not stored',
    'tag-dangling',
    (tx) =>
      tx
        .updateTable('tags')
        .set({ digest: digestOf('gone') })
        .execute(),
  ],
];

for (const [damage, code, hurt] of damages) {
  test(`finds and mends ${damage}`, async () => {
    const image = await openImage();
    const { catalog } = image;
    await using _ = catalog;
    await catalog.db.write((tx) => hurt(tx, image));
    expect(await codes(catalog)).toContain(code);
    expect(await codes(catalog, true)).toEqual([`${code} mended`]);
    expect(await codes(catalog)).toEqual([]);
    expect(await catalog.has('app', image.image.digest)).toBe(true);
  });
}

test('a link without its blob is removed, and the image that needs it is named until it is pushed again', async () => {
  const { catalog, blobs } = await openImage();
  await using _ = catalog;
  await catalog.db.write((tx) => tx.deleteFrom('blobs').where('digest', '=', blobs[1]!.digest).execute());
  expect(await codes(catalog)).toEqual(['link-without-blob']);
  expect(await codes(catalog, true)).toEqual(['link-without-blob mended', 'manifest-incomplete']);
  expect(await catalog.hasBlob('app', blobs[1]!.digest)).toBe(false);
  await catalog.blob('app', 'layer');
  expect(await codes(catalog)).toEqual([]);
});

test('a manifest whose bytes are damaged is named, and nothing is made of them', async () => {
  const { catalog } = await openImage();
  await using _ = catalog;
  await catalog.db.write((tx) =>
    tx
      .updateTable('manifests')
      .set({ bytes: Buffer.from('{}') })
      .execute(),
  );
  expect(await codes(catalog, true)).toEqual(['manifest-damaged']);
});

test('a manifest that cannot be read as what it is recorded to be is named, and all others are looked at', async () => {
  await using catalog = await openKeeping();
  const images = await Promise.all(
    ['1', '2'].map(async (n) => {
      const config = await catalog.blob('app', n);
      return catalog.push('app', catalog.image([config]), { tags: [`v${n}`] });
    }),
  );
  const [first, second] = images.toSorted((one, other) => (one.digest < other.digest ? -1 : 1));
  const found = async (repair: boolean) =>
    (await Array.fromAsync(checkCatalog(catalog, { repair })))
      .filter(({ code }) => code !== 'link-forgotten')
      .map(({ code, detail }) => [code, detail['digest']]);
  const hurt = (manifests: string, references: string) =>
    catalog.db.write(async (tx) => {
      const type = 'application/vnd.oci.image.index.v1+json';
      await tx.run(`UPDATE ${manifests} SET media_type = ? WHERE digest = ?`, [type, first!.digest]);
      await tx.run(`DELETE FROM ${references} WHERE manifest_digest = ?`, [second!.digest]);
    });
  const named = [
    ['manifest-damaged', first!.digest],
    ['references-differ', second!.digest],
  ];
  const text = await textOf(catalog, first!.digest);
  await hurt('manifests', 'manifest_references');
  expect(await found(true)).toEqual(named);
  expect(await found(false)).toEqual([named[0]!]);
  await catalog.push('app', JSON.parse(text) as object);
  expect(await found(false)).toEqual([]);
  for (const { digest } of [first!, second!]) await remove(catalog, digest);
  await hurt('deleted_manifests', 'deleted_references');
  expect(await found(true)).toEqual(named);
  expect(await found(false)).toEqual([named[0]!]);
});

async function textOf(catalog: Pick<TestCatalog, 'db'>, digest: string): Promise<string> {
  const row = await catalog.db.first<{ bytes: Uint8Array }>('SELECT bytes FROM manifests WHERE digest = ?', [digest]);
  return new TextDecoder().decode(row!.bytes);
}

test('what nothing would ever collect becomes a candidate', async () => {
  const { catalog } = await openImage();
  await using _ = catalog;
  await catalog.blob('app', 'unreferenced');
  expect(await codes(catalog)).toEqual([]);
  await catalog.db.write((tx) => tx.deleteFrom('gc_candidates').execute());
  expect(await codes(catalog, true)).toEqual(['link-forgotten mended']);
  expect(await codes(catalog)).toEqual([]);

  await catalog.db.write(async (tx) => {
    await tx.deleteFrom('blob_links').where('digest', '=', digestOf('unreferenced')).execute();
    await tx.deleteFrom('gc_candidates').execute();
  });
  expect(await codes(catalog, true)).toEqual(['blob-forgotten mended']);
  expect(await codes(catalog)).toEqual([]);
});

test('pages follow each other', async () => {
  await using catalog = await openTestCatalog();
  const config = await catalog.blob('app', 'config');
  for (let at = 0; at < 45; at++) {
    await catalog.push('app', { ...catalog.image([config]), annotations: { at: `${at}` } }, { tags: [`t${at}`] });
  }
  await catalog.db.write((tx) =>
    tx
      .updateTable('manifests')
      .set({ bytes: Buffer.from('x') })
      .execute(),
  );
  expect((await codes(catalog)).length).toBe(45);
});

test('locks and metadata of what is gone are forgotten, and the lock of a tag keeps what that names', async () => {
  const { catalog, image } = await openImage();
  await using _ = catalog;
  const other = await catalog.push('app', catalog.image([await catalog.blob('app', 'config')]));
  const repository = await catalog.repository('app');
  const subjects: Subject[] = [
    wholeRepository,
    { kind: 'tag', name: 'latest' },
    { kind: 'manifest', name: image.digest },
  ];
  for (const subject of subjects) {
    const until = subject.kind === 'manifest' ? { expiresAt: catalog.clock.now + 1 } : {};
    await putMetadata(catalog, repository, subject, 'key', { value: 'x', mediaType: 'text/plain' });
    await changeAttributes(catalog, repository, subject, { deleteEnabled: false, ...until }, 'somebody');
  }
  catalog.clock.now += 1;
  expect(await codes(catalog)).toEqual([]);
  // As a version would that knows of neither.
  await catalog.db.write((tx) => tx.run('UPDATE tags SET digest = ?', [other.digest]));
  expect(await codes(catalog, true)).toEqual(['lock-stale mended']);
  await changeAttributes(catalog, repository, wholeRepository, { deleteEnabled: true }, 'somebody');
  expect(await refusal(deleteManifest(catalog, repository, other.digest))).toMatchObject({
    detail: { name: 'latest' },
  });
  await catalog.db.write((tx) => tx.run('DELETE FROM tags', []));
  expect(await codes(catalog, true)).toEqual(['lock-orphaned mended', 'metadata-orphaned mended']);
  expect(await codes(catalog)).toEqual([]);
  await deleteManifest(catalog, repository, other.digest);
});
