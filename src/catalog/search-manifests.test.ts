import { expect, test } from 'bun:test';
import { rowsOf } from '../database/index.ts';
import { changeAttributes } from './change-attributes.ts';
import { putMetadata } from './custom-metadata.ts';
import {
  annotationsAmong,
  blobBytesAmong,
  configsAmong,
  isListed,
  manifestRows,
  manifestRowsOf,
  metadataAmong,
  tagsAmong,
} from './search-manifests.ts';
import { openTestCatalog } from './test-catalog.double.ts';

const byName = { order: 'name', last: '', limit: 10 } as const;

test('what is known of manifests is looked up for many at once, and of no others', async () => {
  await using catalog = await openTestCatalog();
  const config = await catalog.blob('app', '{}', 'application/vnd.oci.image.config.v1+json');
  const layer = await catalog.blob('app', 'layer');
  const annotations = { title: 'x' };
  const one = await catalog.push('app', catalog.image([config, layer], { annotations }), { tags: ['b', 'a'] });
  const two = await catalog.push('app', catalog.image([config], { annotations: { title: 'y'.repeat(100) } }));
  const elsewhere = await catalog.push('b', catalog.image([await catalog.blob('b', '{}')]), { tags: ['c'] });
  const app = await catalog.repository('app');
  const key = { value: 'v', mediaType: 'text/plain' };
  await putMetadata(catalog, app, { kind: 'manifest', name: one.digest }, 'k', key);
  const digests = [one.digest, two.digest, elsewhere.digest];
  const rows = await manifestRowsOf(catalog, app, digests);
  expect(rows.map(({ digest }) => digest)).toEqual([one.digest, two.digest].toSorted());
  expect(await tagsAmong(catalog, app, digests)).toEqual(new Map([[one.digest, ['a', 'b']]]));
  // Two are far too long here.
  expect(await annotationsAmong(catalog, app, digests, 50)).toEqual(new Map([[one.digest, '{"title":"x"}']]));
  const bytes = await blobBytesAmong(catalog, app, digests);
  expect(digests.map((digest) => bytes.get(digest))).toEqual([config.size + layer.size, config.size, 0]);
  const { digest, mediaType } = config;
  expect(await configsAmong(catalog, app, digests)).toEqual(
    new Map([one, two].map((of) => [of.digest, { digest, mediaType }])),
  );
  expect(await metadataAmong(catalog, app, rows)).toEqual(new Map([[one.digest, new Map([['k', key]])]]));
  for (const empty of [tagsAmong, blobBytesAmong, configsAmong, manifestRowsOf])
    expect([...(await empty(catalog, app, []))]).toEqual([]);
});

test('manifests and tags that no list shows are told apart, until their lock ends', async () => {
  await using catalog = await openTestCatalog();
  const { digest } = await catalog.push('app', catalog.image([await catalog.blob('app', '{}')]), { tags: ['a', 'b'] });
  const app = await catalog.repository('app');
  const expiresAt = catalog.clock.now + 1000;
  for (const subject of [{ kind: 'tag', name: 'a' } as const, { kind: 'manifest', name: digest } as const])
    await changeAttributes(catalog, app, subject, { listEnabled: false, expiresAt }, 'somebody');
  expect((await manifestRows(catalog, app, byName)).map(isListed)).toEqual([false]);
  expect(await tagsAmong(catalog, app, [digest])).toEqual(new Map([[digest, ['b']]]));
  catalog.clock.now = expiresAt;
  expect((await manifestRows(catalog, app, byName)).map(isListed)).toEqual([true]);
  expect(await tagsAmong(catalog, app, [digest])).toEqual(new Map([[digest, ['a', 'b']]]));
});

test('of a manifest with thousands of tags the first thousand are read, and all of those beside it', async () => {
  await using catalog = await openTestCatalog();
  const blob = await catalog.blob('app', '{}');
  const many = await catalog.push('app', catalog.image([blob]));
  const few = await catalog.push('app', catalog.image([blob, blob]), { tags: ['own'] });
  const app = await catalog.repository('app');
  const tags = Array.from({ length: 5200 }, (_, n) => [
    app.registryId,
    app.id,
    `t${n}`.padEnd(6, 'x'),
    many.digest,
    0,
    0,
  ]);
  await catalog.db.write(async (tx) => {
    for (const { rows, values } of rowsOf(tags)) {
      const columns = 'registry_id, repository_id, name, digest, created_at, updated_at';
      await tx.run(`INSERT INTO tags (${columns}) VALUES ${rows}`, values);
    }
  });
  const found = await tagsAmong(catalog, app, [many.digest, few.digest]);
  expect(found.get(few.digest)).toEqual(['own']);
  const names = tags.map(([, , name]) => name as string).toSorted();
  expect(found.get(many.digest)).toEqual(names.slice(0, 1000));
});
