import { buildCommand } from '@stricli/core';
import { openStorage } from '../app/index.ts';
import { checkCatalog } from '../catalog/index.ts';
import { type Context, describe, fail } from '../cli/index.ts';
import { checkContent, type Finding } from '../content/index.ts';
import { listNodes } from '../jobs/index.ts';
import { type ConfigFlags, configFlags, loadFor } from './load.ts';

interface FsckFlags extends ConfigFlags {
  repair: boolean;
  verify: boolean;
  rebuild: boolean;
}

const off = { kind: 'boolean', default: false } as const;

export const fsck = buildCommand<FsckFlags, [], Context>({
  docs: {
    brief: 'Compare facts with bytes, and mend what disagrees',
    fullDescription: describe(
      'Needs the server stopped. Lists what it finds, one line each; the exit code is 1 when something is left that ' +
        'was not mended.',
      ['fsck', 'fsck --repair --verify', 'fsck --config bonded.yaml'],
    ),
  },
  parameters: {
    flags: {
      ...configFlags,
      repair: { ...off, brief: 'Mend what can be mended' },
      verify: { ...off, brief: 'Read every blob and check its digest' },
      rebuild: { ...off, brief: 'Adopt bytes that no fact names, instead of removing them' },
    },
  },
  async func(flags) {
    const config = loadFor(this, flags)?.value;
    if (!config) return;
    await using storage = await openStorage(config, { adopt: flags.rebuild });
    const { db, blobs, catalog } = storage;
    const others = storage.node ? (await listNodes(db)).filter(({ alive }) => alive).length - 1 : 0;
    if (others > 0 && (flags.repair || flags.rebuild)) {
      return fail(this, `${others} nodes serve this database, see bonded nodes; stop them first`);
    }
    const left = await report(this, [
      checkContent(db, blobs, {
        repair: flags.repair || flags.rebuild,
        verify: flags.verify,
        rebuild: flags.rebuild,
        // What is younger is the sweep's.
        graceMs: Math.max(config.uploads.expiry, 3_600_000),
      }),
      checkCatalog(catalog, { repair: flags.repair }),
    ]);
    if (left > 0) fail(this, `${left} findings were not mended${flags.repair ? '' : '; --repair mends what can be'}`);
  },
});

/** Writes each finding as it comes; returns how many were not mended. Bytes first: facts are judged by what is left. */
async function report(context: Context, checks: readonly AsyncIterable<Finding>[]): Promise<number> {
  let found = 0;
  let left = 0;
  for (const check of checks) {
    for await (const { code, message, detail, repaired } of check) {
      found++;
      if (!repaired) left++;
      context.write(`${repaired ? 'mended' : 'found'}\t${code}\t${message}\t${JSON.stringify(detail)}`);
    }
  }
  context.write(found === 0 ? 'facts and bytes agree' : `${found} findings, ${found - left} mended`);
  return left;
}
