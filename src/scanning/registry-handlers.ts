import { describeManifests, findListedRepository } from '../catalog/index.ts';
import { ManagementError, parseArmId } from '../operations/index.ts';
import { builtInResource, type Resource } from '../resources/index.ts';
import { type FindImagesInput, type ListFailedInput, type ListScansInput, scanningType } from './contract.ts';
import { failedScans } from './failed-scans.ts';
import { findImages } from './find-images.ts';
import { queueState } from './queue.ts';
import { scansOf, summariesOf } from './scan-list.ts';
import type { ScanningHandlerOptions } from './scan-handlers.ts';
import { stateOf } from './words.ts';

const iso = (at: number) => new Date(at).toISOString();

/** The scans of a registry as a resource: its settings, what waits, and what can be asked of all images. */
export function scanningHandlers({ catalog, registryIdOf }: ScanningHandlerOptions) {
  const { db } = catalog;
  const registryAt = (id: string): number => {
    const registryId = registryIdOf(parseArmId(parseArmId(id)?.parent ?? '')?.name ?? '');
    if (registryId === undefined) throw new ManagementError('ResourceNotFound', 'there is no such registry');
    return registryId;
  };

  return {
    presets({ id }: { id: string }) {
      const arm = parseArmId(id);
      const registry = arm?.type.toLowerCase() === scanningType.type.toLowerCase() ? arm.parent! : id;
      return [builtInResource(`${registry}/scanning/default`, { sbomRepositories: [] })];
    },
    async present() {
      const { queued, running, failed, oldestAt } = await queueState(db);
      return { queued, running, failed, ...(oldestAt !== null && { oldestRequestTime: iso(oldestAt) }) };
    },
    actions: {
      async findImages(_: unknown, input: unknown, { id }: Resource) {
        const asked = input as FindImagesInput;
        if (asked.component === undefined && asked.vulnerability === undefined)
          throw new ManagementError('InvalidRequestContent', 'give component, vulnerability, or both');
        return findImages(catalog, registryAt(id), asked);
      },
      listFailed: (_: unknown, input: unknown, { id }: Resource) =>
        failedScans(catalog, registryAt(id), input as ListFailedInput),
      async listScans(_: unknown, input: unknown, { id }: Resource) {
        const { repository: name, after = '', top } = input as ListScansInput;
        const repository = await findListedRepository(catalog, registryAt(id), name);
        if (!repository) throw new ManagementError('ResourceNotFound', `there is no repository ${name}`);
        const position = { order: 'name', last: after, limit: top } as const;
        const { manifests, more } = await describeManifests(catalog, repository, position);
        const scans = await scansOf(
          db,
          manifests.map(({ digest }) => digest),
        );
        const summaries = await summariesOf(
          db,
          [...scans.values()].map((scan) => scan.id),
        );
        return {
          ...(more && { next: manifests.at(-1)!.digest }),
          scans: manifests.map(({ digest, kind, tags }) => {
            const scan = scans.get(digest);
            const found = scan && summaries.get(scan.id);
            const isNothing = kind === 'index' || (scan?.state === 'done' && !found);
            return {
              digest,
              tags,
              state: isNothing ? 'NotScannable' : stateOf(scan),
              ...(scan?.error != null && { error: scan.error }),
              ...(found && { status: found.status, scannedTime: iso(found.scannedAt), summary: found.summary }),
            };
          }),
        };
      },
    },
  };
}
