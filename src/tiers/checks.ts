import type { Check } from '../operations/index.ts';
import type { Category } from './contract.ts';
import type { Level } from './refusal.ts';
import type { ThrottledCaller } from './throttled.ts';
import type { Tier, Tiers } from './tiers.ts';

/** Who was refused for a rate in the last day, and of which tier their registry is now. */
export interface ThrottleFacts {
  tiers: Tiers;
  throttled: readonly (ThrottledCaller & { registry: string; resourceId: string; tier: Tier; name: string })[];
}

/** Of more nobody reads them one by one. */
const mostFindings = 20;

const rateOf = ({ rates }: Tier, category: Category, level: Level): number =>
  (rates[category] as { registry: number; identity?: number })[level] ?? -1;

/** What the rates of tiers do to who uses the registries. */
export const throttleChecks: readonly Check<ThrottleFacts>[] = [
  {
    id: 'throttled-identity',
    severity: 'medium',
    category: 'Performance',
    title: 'Requests are refused for a rate of the tier',
    why:
      'Whoever is refused waits and asks again, and builds and roll-outs fail where it does not. Find out what asks so ' +
      'often, or give the registry a tier with a higher rate.',
    look: ({ tiers, throttled }) =>
      throttled
        // Whoever has been given another tier since need not hear of it.
        .filter(({ tier, category, level }) => rateOf(tier, category, level) >= 0)
        .slice(0, mostFindings)
        .map(({ tier, category, level, identity, registry, resourceId, refusals, name }) => {
          const better = tiers.all().find((one) => rateOf(one, category, level) < 0);
          return {
            resourceId,
            subject: `${category} ${level} ${identity}`,
            problem:
              `${name} was refused ${refusals} times within a day in the registry ${registry}: the tier ${tier.name} lets ` +
              `${level === 'registry' ? 'all callers' : 'an identity'} do ${rateOf(tier, category, level)} ${category} a minute`,
            commands: [
              better
                ? ['bonded', 'acr', 'update', '--name', registry, '--sku', better.name]
                : ['bonded', 'tier', 'update', '--name', tier.name, '--set', `rates.${category}.${level}=none`],
            ],
          };
        }),
  },
];
