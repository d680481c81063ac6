import { buildCommand } from '@stricli/core';
import { proposeRegistries, proposeRepositories } from '../completion/propose.ts';
import type { Context } from '../context.ts';
import { describe } from '../describe.ts';
import { outputAliases, type OutputFlags, outputFlags } from '../output/flags.ts';
import { type Columns, formatOf, print, shown } from '../output/index.ts';
import { checkHealth } from './check-health.ts';
import type { Finding } from './finding.ts';

interface HealthFlags extends OutputFlags {
  server?: string;
  name?: string;
  registry?: string;
  repository?: readonly string[];
  ignoreErrors: boolean;
  yes: boolean;
}

const text = { kind: 'parsed', parse: String, optional: true } as const;
const off = { kind: 'boolean', default: false, withNegated: false } as const;
const columns: Columns = { Outcome: 'outcome', Check: 'check', Code: 'code', Message: 'message', Fix: 'fix' };

export const checkHealthCommand = buildCommand<HealthFlags, [], Context>({
  docs: {
    brief: 'Say what is wrong between here and a registry',
    fullDescription: describe(
      'Checks the programs of clients, the name of the registry, its certificate, its challenge, the clocks, the server itself, ' +
        'the tokens that your login gets, and what you may do in repositories. Each check is one line, with a code of az acr ' +
        'check-health and what to do. Ends with 1 where a check has failed; a warning is no failure.',
      [
        'acr check-health',
        'acr check-health --name teamb --repository team/app --ignore-errors',
        `acr check-health -n registry.example.com -o json --query "[?outcome == 'failed'].code"`,
      ],
    ),
  },
  parameters: {
    flags: {
      name: {
        ...text,
        placeholder: 'name|host',
        brief: 'Registry, or its login server (default: the one of the server)',
        proposeCompletions: proposeRegistries,
      },
      registry: { ...text, hidden: true, placeholder: 'name|host', brief: 'The same' },
      repository: {
        ...text,
        variadic: true,
        placeholder: 'name',
        brief: 'Repository to ask about; may be given again',
        proposeCompletions: proposeRepositories(),
      },
      ignoreErrors: { ...off, brief: 'Go on after a check that has failed' },
      // Nothing is pulled from elsewhere, which is what az asks for.
      yes: { ...off, hidden: true, brief: 'Taken as az has it' },
      ...outputFlags,
      server: {
        ...text,
        placeholder: 'host',
        brief: 'Server to speak to (default $BONDED_SERVER, bonded config, else 127.0.0.1:5000)',
      },
    },
    aliases: { n: 'name', r: 'registry', y: 'yes', ...outputAliases },
  },
  async func({ server, name, registry, repository = [], ignoreErrors, output, query }) {
    const inLines = formatOf(this, output) === 'table' && query === undefined;
    const findings: Finding[] = [];
    const question = { server, registry: name ?? registry, repositories: repository, ignoreErrors };
    for await (const finding of checkHealth(this, question)) {
      findings.push(finding);
      if (inLines) this.write(lineOf(finding));
    }
    const hasFailed = findings.some(({ outcome }) => outcome === 'failed');
    if (!inLines) print(this, findings, { output, query, columns });
    else if (hasFailed && !ignoreErrors) this.write('the first failure ends the checks; --ignore-errors goes on');
    if (hasFailed) this.process.exitCode = 1;
  },
});

function lineOf({ check, outcome, code, message, fix }: Finding): string {
  const why = code === null ? '' : `${code}: `;
  const then = fix === null ? '' : `; ${fix}`;
  return `${outcome.padEnd(8)} ${shown(check).padEnd(16)} ${why}${shown(`${message}${then}`)}`;
}
