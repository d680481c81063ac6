import { admissionExceptionType } from '../../../admission/index.ts';
import { manageCommand } from '../command.ts';
import { type NameFlag, registryFlag, type RegistryFlag, requiredText, textFlag } from '../flags.ts';
import { instantOrAfter } from '../instant.ts';
import { flat } from '../present.ts';
import { allWords, wordsFlag } from '../words.ts';
import { columns } from './columns.ts';

const statuses = ['not_affected', 'affected', 'fixed', 'under_investigation'] as const;
const justifications = [
  'component_not_present',
  'vulnerable_code_not_present',
  'vulnerable_code_not_in_execute_path',
  'vulnerable_code_cannot_be_controlled_by_adversary',
  'inline_mitigations_already_exist',
] as const;
const fixStates = ['fixed', 'not-fixed', 'wont-fix', 'unknown'];

interface Flags extends NameFlag, RegistryFlag {
  vulnerability: string;
  repository?: (readonly string[])[];
  digest?: (readonly string[])[];
  package?: (readonly string[])[];
  fixState?: (readonly string[])[];
  status?: (typeof statuses)[number];
  justification?: (typeof justifications)[number];
  statement?: string;
  ticket?: string;
  expires: string;
}

export const create = manageCommand<Flags>({
  brief: 'Have policies overlook a vulnerability for a while',
  details:
    'Makes an exception for a vulnerability, in some repositories, images or packages. It is approved by who makes it; where a ' +
    'policy wants four eyes, it counts once somebody else has approved it. It ends by itself, and no policy lets it count ' +
    'longer than that says.',
  examples: [
    'exception create --name openssl --vulnerability CVE-2026-42767 --repository prod/app --expires 14d',
    "exception create -n log4j --vulnerability CVE-2026-1 --repository '*' --package pkg:maven/org.apache/log4j " +
      '--status not_affected --justification vulnerable_code_not_in_execute_path --expires 2027-01-31',
  ],
  flags: {
    name: { ...requiredText, placeholder: 'name', brief: 'Exception' },
    ...registryFlag,
    vulnerability: { ...requiredText, placeholder: 'id', brief: 'Id, such as CVE-2026-1234, or an alias of it' },
    repository: {
      ...wordsFlag,
      placeholder: 'repository…',
      brief: 'Repositories, PREFIX/* or * (default: *); what begins with ! is taken away again',
    },
    digest: { ...wordsFlag, placeholder: 'digest…', brief: 'Only these images, or what these indexes list' },
    package: { ...wordsFlag, placeholder: 'purl…', brief: 'Only these packages, such as pkg:deb/debian/openssl' },
    fixState: { ...wordsFlag, placeholder: 'state…', brief: `Only while its fix is: ${fixStates.join(', ')}` },
    status: { kind: 'enum', values: statuses, optional: true, brief: 'As in OpenVEX' },
    justification: { kind: 'enum', values: justifications, optional: true, brief: 'Of what is not affected' },
    statement: { ...textFlag, placeholder: 'text', brief: 'Why, or what is done about it' },
    ticket: { ...textFlag, placeholder: 'text', brief: 'Where it is followed up' },
    expires: { ...requiredText, placeholder: 'time', brief: 'When it ends: 2027-01-31, or 12h, 30d, 2w from now' },
  },
  aliases: { n: 'name', r: 'registry' },
  columns,
  async run({ client, registry }, flags) {
    const { vulnerability, status, justification, statement, ticket } = flags;
    const properties = {
      vulnerability,
      repositories: allWords(flags.repository) ?? ['*'],
      digests: allWords(flags.digest) ?? [],
      packages: allWords(flags.package) ?? [],
      fixStates: (allWords(flags.fixState) ?? []) as never,
      ...(status !== undefined && { status }),
      ...(justification !== undefined && { justification }),
      ...(statement !== undefined && { statement }),
      ...(ticket !== undefined && { ticket }),
      expiresOn: instantOrAfter('--expires', flags.expires, Date.now()),
    };
    return flat(await client.put(admissionExceptionType, [await registry(flags.registry), flags.name], { properties }));
  },
});
