import { buildRouteMap } from '@stricli/core';
import { admissionPolicyType } from '../../../admission/index.ts';
import { manageCommand } from '../command.ts';
import { type NameFlag, registryFlag, type RegistryFlag, requiredText } from '../flags.ts';
import { namedCommands } from '../named-commands.ts';
import { flat } from '../present.ts';
import { type PolicySettings, propertiesOf, requireScope, settingFlags, withoutNull } from './settings.ts';
import { simulate } from './simulate.ts';

type Named = NameFlag & RegistryFlag;

const name = { ...requiredText, placeholder: 'name', brief: 'Policy' } as const;
const target = { name, ...registryFlag };
const aliases = { n: 'name', r: 'registry' } as const;
const columns = {
  Name: 'name',
  Mode: 'mode',
  Enabled: 'enabled',
  Repositories: "join(', ', repositories)",
  Severity: "severity || ''",
  Unscanned: 'unscanned',
};

const named = namedCommands({
  type: admissionPolicyType,
  name,
  columns,
  list: {
    brief: 'List the policies of a registry',
    examples: ['policy list -o table', 'policy list --registry teamb'],
  },
  show: { brief: 'Show a policy', examples: ['policy show --name prod'] },
  remove: {
    brief: 'Delete a policy',
    details: 'Deletes a policy: what it alone refused is let out.',
    examples: ['policy delete --name prod --yes'],
    asks: (policy) => `deleting the policy ${policy}, which lets out what it refuses`,
  },
});

const create = manageCommand<Named & PolicySettings>({
  brief: 'Make a policy of what is let out of a registry',
  details:
    'Says what images of some repositories have to be like. All policies that cover a repository hold: an image is denied ' +
    'where any that is enforced refuses it. One of that name that is there already is replaced by what the flags say; update ' +
    'changes it. Try one with bonded policy simulate, or with --mode audit, first.',
  examples: [
    "policy create --name prod --repository 'prod/*' --mode enforce --severity High --fixable-only --grace-days 7",
    "policy create -n intake --repository '*' '!sandbox/*' --mode quarantine --severity Critical --wait 30",
  ],
  flags: { ...target, ...settingFlags },
  aliases,
  columns,
  async run({ client, registry }, flags) {
    requireScope(flags);
    const at = [await registry(flags.registry), flags.name];
    return flat(await client.put(admissionPolicyType, at, { properties: withoutNull(propertiesOf(flags)) as never }));
  },
});

const update = manageCommand<Named & PolicySettings>({
  brief: 'Change a policy',
  details: 'Changes what the flags say, and leaves the rest. It holds for what is pulled from now on.',
  examples: ['policy update --name prod --mode enforce', 'policy update -n prod --epss 0.2 --max-base-image-age none'],
  flags: { ...target, ...settingFlags },
  aliases,
  columns,
  run: async ({ client, registry }, flags) =>
    flat(
      await client.patch(admissionPolicyType, [await registry(flags.registry), flags.name], {
        properties: propertiesOf(flags) as never,
      }),
    ),
});

export const policyRoutes = buildRouteMap({
  routes: { create, update, ...named, simulate },
  docs: { brief: 'What images have to be like before they are let out' },
});
