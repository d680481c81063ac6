import { ensureRegistryRow, retireRegistry } from '../catalog/index.ts';
import type { Transaction } from '../database/index.ts';
import { ManagementError } from '../operations/index.ts';
import type { Resource, ResourceBody } from '../resources/index.ts';
import { policiesShown } from './azure-contract.ts';
import { registryType } from './contract.ts';
import { withPolicyTime } from './soft-delete.ts';
import type { TierGates } from './tier-gates.ts';

interface WriteContext {
  tx: Transaction;
  now: number;
}

export interface RegistryHandlerOptions {
  /** Names that the configuration has: their registries are there as long as it says so. */
  configured: readonly string[];
  /** What its tier has to say. */
  tierGates: TierGates;
  /** Where clients of a registry log in, as whoever asks may reach it. */
  loginServer(name: string, origin: string): string;
}

/** What a registry's resource does to the catalog, and what is shown of it (acr §4.1). */
export function registryHandlers({ configured, tierGates, loginServer }: RegistryHandlerOptions) {
  return {
    beforeWrite: (
      context: WriteContext & { name: string },
      next: ResourceBody,
      previous: Resource | undefined,
    ): Promise<ResourceBody> => tierGates.beforeWrite(context, withPolicyTime(next, previous, context.now), previous),
    async afterWrite({ tx, now }: WriteContext, { name }: Resource): Promise<void> {
      await ensureRegistryRow(tx, name.toLowerCase(), now);
    },
    beforeDelete(_: WriteContext, { name }: Resource): void {
      if (!configured.includes(name.toLowerCase())) return;
      throw new ManagementError(
        'Conflict',
        `the registry ${name} stands in the configuration; take it out of there first (the default one stays)`,
      );
    },
    async afterDelete({ tx }: WriteContext, gone: readonly Resource[]): Promise<void> {
      for (const { type, name } of gone) {
        if (type.toLowerCase() === registryType.type.toLowerCase()) await retireRegistry(tx, name.toLowerCase());
      }
    },
    present({ name, createdAt, properties }: Resource, { origin }: { origin: string }): Record<string, unknown> {
      const creationDate = new Date(createdAt).toISOString();
      return {
        loginServer: loginServer(name, origin),
        creationDate,
        status: { displayStatus: 'Ready', message: 'The registry is ready', timestamp: creationDate },
        policies: { ...policiesShown, ...(properties['policies'] as object | undefined) },
        encryption: { status: 'disabled' },
      };
    },
  };
}
