import { admissionType } from '../../../admission/index.ts';
import { UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import { registryFlag, type RegistryFlag, textFlag } from '../flags.ts';
import { type PolicySettings, propertiesOf, settingFlags, withoutNull } from './settings.ts';

type Flags = RegistryFlag & PolicySettings & { name?: string; days?: number; failOnRefused: boolean };

const columns = {
  Image: "join('@', [repository, digest])",
  Tags: "join(', ', tags)",
  LastPulled: 'lastPulledOn',
  Pulls: 'pulls',
  Now: 'effectNow',
  Reason: "reasons[0].message || ''",
};

export const simulate = manageCommand<Flags>({
  brief: 'Say what a policy would refuse of what was pulled of late',
  details:
    'Looks at images that were pulled in the last days, and says which of them a policy would refuse, were it enforced now: ' +
    'one that there is, or one that the flags describe. Nothing changes. What was pulled last comes first.',
  examples: [
    'policy simulate --name prod -o table',
    "policy simulate --repository 'prod/*' --severity High --fixable-only --days 90",
  ],
  flags: {
    name: { ...textFlag, placeholder: 'name', brief: 'A policy that there is; else the flags say what it would be' },
    days: { kind: 'parsed', parse: daysOf, optional: true, placeholder: 'days', brief: 'How far back (default: 30)' },
    failOnRefused: {
      kind: 'boolean',
      default: false,
      withNegated: false,
      brief: 'Exit with 1 where anything would be refused',
    },
    ...settingFlags,
    ...registryFlag,
  },
  aliases: { n: 'name', r: 'registry' },
  columns,
  async run({ client, registry, note, context }, { name, days, failOnRefused, registry: of, ...settings }) {
    if ((name === undefined) === (settings.repository === undefined)) {
      throw new UsageError('give --name, or --repository and what else the policy would say');
    }
    const properties = withoutNull({ mode: 'enforce', ...propertiesOf(settings) });
    const input = {
      ...(name === undefined ? { properties } : { policyName: name }),
      ...(days !== undefined && { days }),
    };
    const at = [await registry(of), 'default'];
    const found = await client.action(admissionType, admissionType.actions.simulate, at, input);
    const { pulled, refused, refusedNow, truncated, images } = found as Simulated;
    const already = refusedNow > 0 ? `, ${refusedNow} of them are already` : '';
    note(`${refused} of ${pulled} images that were pulled would be refused${already}`);
    if (truncated) note('There are more images than were looked at; name fewer repositories');
    if (failOnRefused && refused > 0) context.process.exitCode = 1;
    return images;
  },
});

interface Simulated {
  pulled: number;
  refused: number;
  refusedNow: number;
  truncated: boolean;
  images: unknown[];
}

function daysOf(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new Error('it is a number of days');
}
