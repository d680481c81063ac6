import { proposeRepositories, registryFlags } from '../../completion/propose.ts';
import { explainManagementAccess } from '../../../identity/index.ts';
import { idOf } from '../../../operations/index.ts';
import { type ExplainedAccess, registryType } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import { registryFlag, type RegistryFlag, requiredText, textFlag } from '../flags.ts';
import { issuerUrl } from '../issuer/issuer-url.ts';
import { explained } from './report.ts';
import { whomFlags, type WhomFlags, whomOf } from './whom.ts';

interface Asked extends WhomFlags, RegistryFlag {
  action: string;
  repository?: string;
  scope?: string;
}

/** Actions of the management API begin with who provides them. */
const isManagement = (action: string) => /^[a-z]+\.[a-z.]+\//i.test(action);

export const explain = manageCommand<Asked>({
  brief: 'Say why somebody may do something, or may not',
  details:
    'Says which role assignment, scope map or setting allows or refuses something, and what would allow it. An action is ' +
    'pull, push, delete, catalog, metadata_read, metadata_write, or one of the management API, which --scope goes with.',
  examples: [
    'access explain --assignee cluster-a --action pull --repository team/app',
    'access explain --token ci-legacy --action push --repository team/app -o json',
    'access explain --issuer https://token.example.com --groups developers --action catalog',
    'access explain --assignee builder --action Microsoft.ContainerRegistry/registries/write',
  ],
  flags: {
    ...whomFlags,
    action: { ...requiredText, placeholder: 'action', brief: 'What somebody would do' },
    repository: {
      ...textFlag,
      placeholder: 'name',
      brief: 'Repository to which it would be done',
      proposeCompletions: proposeRepositories(registryFlags.beside),
    },
    scope: { ...textFlag, placeholder: 'id', brief: 'Resource that would be managed (default: the registry)' },
    ...registryFlag,
  },
  aliases: { r: 'registry' },
  report: (value) => explained(value as ExplainedAccess),
  async run({ client, registry }, flags) {
    const { action, repository, scope } = flags;
    const issuer = flags.issuer === undefined ? {} : { issuer: await issuerUrl(client, flags.issuer) };
    const whom = whomOf({ ...flags, ...issuer });
    const manages = isManagement(action);
    if (manages && repository !== undefined) throw new UsageError('--repository goes with actions on data alone');
    if (!manages && scope !== undefined) throw new UsageError('--scope goes with actions of the management API alone');
    if (manages) {
      const at = scope ?? idOf(registryType, [await registry(flags.registry)]);
      return client.providerAction(explainManagementAccess, { ...whom, action, scope: at });
    }
    const input = { ...whom, action, ...(repository !== undefined && { repository }) };
    return client.action(registryType, registryType.actions.explainAccess, [await registry(flags.registry)], input);
  },
});
