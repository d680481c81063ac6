import type { Check } from '../operations/index.ts';

/** `serverId`: what stands for the server as a whole. */
export const keyChecks: readonly Check<{ sealed: boolean; serverId: string }>[] = [
  {
    id: 'unsealed-keys',
    severity: 'high',
    title: 'Private keys lie in the database as they are',
    why:
      'Whoever reads the database, or a backup of it, signs tokens for anybody. Give all nodes the same secret, in a file ' +
      'that only the server reads; keep a copy elsewhere than the backups of the database.',
    look: ({ sealed, serverId }) =>
      sealed
        ? []
        : [
            {
              resourceId: serverId,
              problem: 'The private keys of the server lie in its database as they are',
              commands: [['openssl', 'rand', '-base64', '-out', './keys-secret', '32']],
              settings: { BONDED_KEYS_SECRET_FILE: './keys-secret' },
            },
          ],
  },
];
