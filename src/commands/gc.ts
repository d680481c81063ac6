import { resolve } from 'node:path';
import { buildCommand } from '@stricli/core';
import { openFacts, openStorage, openUploads, type Storage } from '../app/index.ts';
import { collectStep, listGarbage, registryNames } from '../catalog/index.ts';
import { type Context, describe, fail } from '../cli/index.ts';
import type { Configuration } from '../configuration.ts';
import { listSweepable, requireData, sweepDeleted } from '../content/index.ts';
import { type ConfigFlags, configFlags, loadFor } from './load.ts';

export const gc = buildCommand<ConfigFlags & { dryRun: boolean }, [], Context>({
  docs: {
    brief: 'Remove what nothing references any more, at once',
    fullDescription: describe(
      'A running server collects by itself. This does it with the server stopped; with --dry-run it only lists what ' +
        'would be removed now, also while the server runs. What lost its last reference less than gc.delay ago stays.',
      ['gc --dry-run', 'gc --config bonded.yaml'],
    ),
  },
  parameters: {
    flags: {
      ...configFlags,
      dryRun: { kind: 'boolean', brief: 'List what would be removed, and remove nothing', default: false },
    },
  },
  async func(flags) {
    const config = loadFor(this, flags)?.value;
    if (!config) return;
    if (flags.dryRun) await listOnly(this, config);
    else await collect(this, config);
  },
});

async function listOnly(context: Context, config: Configuration): Promise<void> {
  // Opening would make an empty database where there is none.
  if (config.database.url === undefined) await requireData(resolve(config.data));
  await using facts = await openFacts(config);
  const { catalog, db } = facts;
  const registries = await registryNames(catalog);
  let things = 0;
  let total = 0;
  const list = (kind: string, registryId: number, repository: string | undefined, id: string, bytes: number) => {
    things++;
    total += bytes;
    context.write([kind, registries.get(registryId) ?? '-', repository ?? '-', id || '-', bytes].join('\t'));
  };
  for await (const { kind, registryId, repository, digest, bytes } of listGarbage(catalog))
    list(kind, registryId, repository, digest, bytes);
  const before = Date.now() - config.uploads.expiry;
  for await (const { kind, registryId, repository, id, bytes } of listSweepable(db, before))
    list(kind, registryId, repository, id, bytes);
  context.write(`${things} things would be removed, ${total} bytes freed`);
}

async function collect(context: Context, config: Configuration): Promise<void> {
  await using storage = await openStorage(config);
  const totals = await collectAll(storage, config);
  context.write(
    `removed ${totals.manifests} manifests, ${totals.links} links, ${totals.blobs} blobs, ${totals.uploads} uploads; ` +
      `freed ${totals.bytes} bytes`,
  );
  if (totals.failures > 0)
    fail(context, `${totals.failures} candidates could not be looked at; they are tried again later`);
}

async function collectAll(storage: Storage, config: Configuration) {
  const { db, blobs, catalog } = storage;
  const limit = 200;
  const totals = { manifests: 0, links: 0, blobs: 0, uploads: 0, bytes: 0, failures: 0 };
  for (;;) {
    const done = await collectStep(catalog, limit);
    totals.manifests += done.manifests;
    totals.links += done.links;
    totals.failures += done.failures.length;
    if (done.examined < limit) break;
  }
  for (;;) {
    const swept = await sweepDeleted(db, blobs, limit);
    totals.blobs += swept.blobs;
    totals.bytes += swept.bytes;
    if (swept.blobs < limit) break;
  }
  const uploads = openUploads(config, storage);
  for (;;) {
    const swept = await uploads.sweep(Date.now() - config.uploads.expiry, limit);
    totals.uploads += swept.uploads;
    totals.bytes += swept.bytes;
    if (!swept.more) break;
  }
  return totals;
}
