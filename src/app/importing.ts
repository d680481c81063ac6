import type { Admission } from '../admission/index.ts';
import { decide, decideManagement, type Permission } from '../access/index.ts';
import type { Configuration } from '../configuration.ts';
import type { Uploads } from '../content/index.ts';
import type { ContentLimits } from '../distribution/index.ts';
import { type Caller, type Directory, principalOf } from '../identity/index.ts';
import { createImporting } from '../importing/index.ts';
import type { LongAction } from '../management/index.ts';
import { createOutbound } from '../outbound/index.ts';
import { ManagementError, permissionOf } from '../operations/index.ts';
import { importImage, registryType } from '../registries/index.ts';
import type { Access } from './access.ts';
import type { Coming, NetworkGates } from './network-gates.ts';
import type { Storage } from './storage.ts';

/** Who asked for an import, as it is kept until that has ended: what they may do is decided anew each time. */
type KeptCaller = Pick<Caller, 'registryId' | 'kind' | 'id' | 'holder' | 'mode'>;

/** `importImage`, with what it needs of everything else. */
export function createImportAction(
  config: Configuration,
  { directory, identification, refresh }: Access,
  { catalog }: Storage,
  uploads: Uploads,
  network: Pick<NetworkGates, 'allowTarget'>,
  limits: Pick<ContentLimits, 'largestBlob' | 'largestManifest'>,
  admission: Pick<Admission, 'gate'>,
): LongAction {
  const named = (name: string) => registryNamed(directory(), name);
  const importing = createImporting({
    catalog,
    uploads,
    outbound: createOutbound(config.outbound),
    config: config.import,
    largestBlob: (registryId) => Math.min(config.uploads.maxBlobSize, limits.largestBlob(registryId) ?? Infinity),
    largestManifest: limits.largestManifest,
    registryIdOf: (name) => named(name)?.id,
    moverOf(kept) {
      const { id, holder } = kept as KeptCaller;
      return { id, name: holder.name };
    },
    mayPull(kept, registry, repository) {
      const { policy } = directory();
      const principal = principalOf(kept as KeptCaller, directory());
      const name = named(registry)?.name;
      return principal !== undefined && name !== undefined
        ? decide(policy, principal, 'content/read', { registry: name, repository }).allow
        : false;
    },
    mayImport(kept, registry) {
      const { policy } = directory();
      const principal = principalOf(kept as KeptCaller, directory());
      const id = named(registry)?.resourceId;
      return principal !== undefined && id !== undefined
        ? decideManagement(policy, principal, permissionOf(registryType.type, 'importImage', importImage), id).allow
        : false;
    },
    requireExport(registry) {
      if (named(registry)?.mayExport !== false) return;
      throw new ManagementError(
        'Conflict',
        `the registry ${registry} lets nothing be imported from it: policies.exportPolicy.status is disabled`,
        { target: 'source.resourceId' },
      );
    },
    async requireAdmitted(kept, place) {
      const registry = directory().registry(place.registryId)?.name ?? '';
      const has = (permission: Permission, repository: string) => {
        const principal = principalOf(kept as KeptCaller, directory());
        return (
          principal !== undefined && decide(directory().policy, principal, permission, { registry, repository }).allow
        );
      };
      await admission.gate.requireAdmitted(place, { has });
    },
    now: identification.now,
  });
  return {
    begin({ exchange, principal, name }, input) {
      // Whoever may not pull there from where they are gets nothing from there by way of here either.
      const { resourceId } = (input as { source: { resourceId?: string } }).source;
      if (resourceId !== undefined)
        network.allowTarget(exchange as unknown as Coming, principal as Caller, resourceId, 'pull');
      const { registryId, kind, id, holder, mode } = principal as Caller;
      const kept: KeptCaller = { registryId, kind, id, holder, mode };
      return importing.begin(name, input, kept);
    },
    async carryOut(task, input) {
      // Another process may have taken the request, by rights that this one has not seen yet.
      await refresh();
      return importing.carryOut(task, input);
    },
  };
}

/** The registry of a name, in any case. */
export function registryNamed({ registries }: Directory, name: string): Directory['registries'][number] | undefined {
  return registries.find((registry) => registry.name.toLowerCase() === name.toLowerCase());
}
