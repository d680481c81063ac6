import type { LookUps, Transaction } from '../database/index.ts';
import { ManagementError } from '../operations/index.ts';
import { builtInResource, type Resource } from '../resources/index.ts';
import { presets } from './presets.ts';
import { builtInName, tierId } from './tiers.ts';

export interface TierHandlerOptions {
  /** Names of the registries whose SKU names a tier, as of the transaction that is given. */
  registriesOf(tier: string, reader?: LookUps): Promise<string[]> | string[];
}

/** What is special about tiers: some are always there, and can be edited all the same. */
export function tierHandlers({ registriesOf }: TierHandlerOptions) {
  return {
    presets: (): readonly Resource[] =>
      [...presets].map(([name, properties]) => builtInResource(tierId(name), properties)),
    async beforeDelete({ tx }: { tx: Transaction }, { name }: Resource): Promise<void> {
      if (builtInName(name) !== undefined) return;
      const using = await registriesOf(name, tx);
      if (using.length === 0) return;
      throw new ManagementError(
        'ResourceInUse',
        `${using.length === 1 ? 'the registry' : 'registries'} ${using.slice(0, 5).join(', ')}${using.length > 5 ? ' …' : ''} ` +
          `${using.length === 1 ? 'is' : 'are'} of the tier ${name}; give them another first: bonded acr update --name ${using[0]} --sku Premium`,
      );
    },
    async present({ name, properties }: Resource) {
      const shipped = presets.get(builtInName(name) ?? '');
      return {
        builtIn: shipped !== undefined,
        modified: shipped !== undefined && !Bun.deepEquals(shipped, properties),
        registries: (await registriesOf(name)).length,
      };
    },
  };
}
