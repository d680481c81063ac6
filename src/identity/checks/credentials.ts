import type { Check } from '../../operations/index.ts';
import { parseArmId } from '../../operations/index.ts';
import type { BootstrapConfig } from '../config.ts';
import { reviewPattern } from '../federation/index.ts';
import type { AccessSnapshot } from './snapshot.ts';

/** Whose tokens are an identity. */
export const credentialChecks: readonly Check<AccessSnapshot>[] = [
  {
    id: 'open-federated-credential',
    severity: 'high',
    title: 'A federated credential that fits others, too',
    why:
      'Whoever gets a token that it fits is the identity, with all its rights. Make one anew that names what stays with ' +
      'one workload: bonded identity federated-credential create.',
    look: ({ credentials, presetOf }) =>
      credentials.flatMap(({ id, identity, issuer, subject, claims }) => {
        const pattern = { ...(subject !== undefined && { subject }), claims };
        // Names that may pass to others are too usual to be told of each.
        const worst = reviewPattern(presetOf(issuer), pattern).find(({ severity }) => severity !== 'low');
        if (!worst) return [];
        const { name } = parseArmId(id)!;
        const of = ['--name', name, '--identity-name', identity.name, '--yes'];
        return [
          {
            resourceId: id,
            severity: worst.severity,
            problem: `The federated credential ${name} of ${identity.name} ${worst.why}`,
            commands: [['bonded', 'identity', 'federated-credential', 'delete', ...of]],
          },
        ];
      }),
  },
];

/** What is so by the configuration alone. `serverId`: what stands for the server as a whole. */
export const bootstrapChecks: readonly Check<{ bootstrap: BootstrapConfig; serverId: string }>[] = [
  {
    id: 'bootstrap-owner',
    severity: 'low',
    title: 'The first owner is still configured',
    why:
      'It may do everything for as long as the configuration names it, and no assignment shows that. Give the owners an ' +
      'assignment of the role Owner, then take the settings out.',
    look: ({ bootstrap: { owner }, serverId }) => {
      if (owner.issuer === undefined) return [];
      const names = ['issuer', 'subject', ...(owner.jwks === undefined ? [] : ['jwks'])];
      return [
        {
          resourceId: serverId,
          problem: `${owner.subject} of ${owner.issuer} is owner of everything by the configuration`,
          commands: [],
          settings: Object.fromEntries(names.map((name) => [`bootstrap.owner.${name}`, null])),
        },
      ];
    },
  },
];
