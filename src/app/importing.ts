import { decide } from '../access/index.ts';
import type { Configuration } from '../configuration.ts';
import type { Uploads } from '../content/index.ts';
import { type Caller, type Directory, principalOf } from '../identity/index.ts';
import { createImporting } from '../importing/index.ts';
import type { LongAction } from '../management/index.ts';
import { createOutbound } from '../outbound/index.ts';
import type { Access } from './access.ts';
import type { Storage } from './storage.ts';

/** Who asked for an import, as it is kept until that has ended: what they may do is decided anew each time. */
type KeptCaller = Pick<Caller, 'registryId' | 'kind' | 'id' | 'holder' | 'mode'>;

/** `importImage`, with what it needs of everything else. */
export function createImportAction(
  config: Configuration,
  { directory, identification }: Access,
  { catalog }: Storage,
  uploads: Uploads,
): LongAction {
  const named = (name: string) => registryNamed(directory(), name);
  const importing = createImporting({
    catalog,
    uploads,
    outbound: createOutbound(config.outbound),
    config: config.import,
    maxBlobBytes: config.uploads.maxBlobSize,
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
    now: identification.now,
  });
  return {
    begin({ principal, name }, input) {
      const { registryId, kind, id, holder, mode } = principal as Caller;
      const kept: KeptCaller = { registryId, kind, id, holder, mode };
      return importing.begin(name, input, kept);
    },
    carryOut: importing.carryOut,
  };
}

/** The registry of a name, in any case. */
export function registryNamed({ registries }: Directory, name: string): Directory['registries'][number] | undefined {
  return registries.find((registry) => registry.name.toLowerCase() === name.toLowerCase());
}
