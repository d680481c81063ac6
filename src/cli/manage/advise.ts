import { recommendationType } from '../../advisor/index.ts';
import { groupScope } from '../../operations/index.ts';
import type { Columns } from '../output/index.ts';
import { manageCommand } from './command.ts';
import { flat } from './present.ts';
import { commonPrefix } from './short-ids.ts';

const severities = ['high', 'medium', 'low'] as const;

const columns: Columns = {
  Impact: 'impact',
  Check: 'extendedProperties.check',
  Problem: `replace(shortDescription.problem, '${commonPrefix}', '')`,
  Fix: "join('; ', remediation.commands)",
  Settings: "remediation.settings || ''",
};

export const advise = manageCommand<{ scope?: string; failOn?: (typeof severities)[number] }>({
  brief: 'Recommend what makes the server safer',
  details:
    'Shows what the server and what it manages would be safer without, the worst first, each with the commands that end it. ' +
    'The exit code is 0 whatever is found, unless --fail-on says otherwise.',
  examples: ['advise -o table', 'advise --query "[].remediation.commands[]" -o tsv', 'advise --fail-on high'],
  flags: {
    scope: { kind: 'parsed', parse: String, optional: true, placeholder: 'id', brief: 'Only of this resource' },
    failOn: { kind: 'enum', values: severities, optional: true, brief: 'Exit with 1 for one that is as bad, or worse' },
  },
  columns,
  async run({ client, context }, { scope, failOn }) {
    const found = await client.list(recommendationType, scope ?? groupScope);
    const bad = severities.slice(0, failOn === undefined ? 0 : severities.indexOf(failOn) + 1);
    const fails = found.some(({ properties: { impact } }) => bad.some((one) => one === impact?.toLowerCase()));
    if (fails) context.process.exitCode = 1;
    return found.map(flat);
  },
});
