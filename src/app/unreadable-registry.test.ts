import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, ociIndex, putManifest } from '../../test/http/registry.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { startWatchedApp } from '../../test/support/watched-app.ts';
import { collectStep, purgeDeleted } from '../catalog/index.ts';

const day = 86_400_000;

const imageOf = (subject?: string) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: [],
    ...(subject !== undefined && {
      subject: { mediaType: ociIndex, digest: digestOf(subject), size: subject.length },
    }),
  });

test('a node that a registry is too new for forgets nothing that it keeps, and lets nothing go that it would keep', async () => {
  await using server = await startWatchedApp({ settings: { 'gc.interval': '1h' } });
  const { url, people } = server;
  const { catalog } = server.app.storage;
  const softDeletePolicy = { status: 'enabled', retentionDays: 90 };
  await managementOf(url).patch(registry, { policies: { softDeletePolicy } });
  const [image, signature] = [imageOf(), imageOf(imageOf())];
  for (const text of [image, signature])
    expect((await putManifest(url, 'app', digestOf(text), text, ociIndex)).status).toBe(201);
  const path = `${url}/v2/app/manifests/${digestOf(image)}`;
  expect((await fetch(path, { method: 'DELETE' })).status).toBe(202);
  const kept = () =>
    catalog.db.all<{ digest: string }>('SELECT digest FROM deleted_manifests ORDER BY deleted_at, digest', []);
  const later = (days: number) => ({ ...catalog, now: () => Date.now() + days * day });

  // As a node of the next version would write it.
  await people.registry({ metadataSearch: 'Indexed' });
  expect((await purgeDeleted(later(30))).manifests).toBe(0);
  expect(await collectStep(later(30))).toMatchObject({ manifests: 1 });
  expect(await kept()).toEqual([{ digest: digestOf(image) }, { digest: digestOf(signature) }]);

  await people.registry({ metadataSearch: 'Disabled' });
  expect((await purgeDeleted(later(89))).manifests).toBe(0);
  expect((await purgeDeleted(later(91))).manifests).toBe(1);
});
