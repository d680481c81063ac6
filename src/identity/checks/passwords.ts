import type { Check } from '../../operations/index.ts';
import type { PasswordFacts } from '../passwords.ts';
import type { AccessSnapshot, TokenWithPasswords } from './snapshot.ts';

const dayMs = 86_400_000;

/** What has not been used for so long (ms) is taken for unused. */
export const unusedMs = 90 * dayMs;

const expiryDays = '90';

/** Passwords, which can be stolen and say of nobody who it was. */
export const passwordChecks: readonly Check<AccessSnapshot>[] = [
  {
    id: 'password-in-use',
    severity: 'medium',
    title: 'A stored password is in use',
    why:
      'Whoever finds it pulls or pushes as its token, from anywhere. Give the workload an identity, whose short-lived ' +
      'tokens it need not store, then disable the token.',
    look: ({ tokens, admins, now }) => [
      ...tokens
        .filter(({ passwords }) => wasUsed(passwords, now))
        .map((token) => ({
          resourceId: token.id,
          problem: `The token ${token.name} of ${token.registry.name} is used with a stored password`,
          commands: [disable(token)],
        })),
      ...admins
        .filter(({ passwords }) => wasUsed(passwords, now))
        .map(({ registry: { name, resourceId } }) => ({
          resourceId,
          problem: `The admin user of ${name} is used with a stored password`,
          commands: [['bonded', 'acr', 'update', '--name', name, '--admin-enabled', 'false']],
        })),
    ],
  },
  {
    id: 'password-never-expires',
    severity: 'medium',
    title: 'A password never expires',
    why:
      'One that leaks is good until somebody notices. Replace it by one that expires, and hand that to whoever uses the ' +
      'former, which ends at once; the other password of the token bridges the change.',
    look: ({ tokens }) =>
      tokens.flatMap((token) =>
        token.passwords
          .filter(({ expiresAt }) => expiresAt === undefined)
          .map(({ slot }) => ({
            resourceId: token.id,
            subject: slot,
            problem: `${slot} of the token ${token.name} of ${token.registry.name} never expires`,
            commands: [
              ['bonded', 'acr', 'token', 'credential', 'generate', ...named(token), `--${slot}`].concat([
                '--expiration-in-days',
                expiryDays,
              ]),
            ],
          })),
      ),
  },
  {
    id: 'password-unused',
    severity: 'low',
    title: 'A password has not been used for 90 days',
    why: 'Nobody would notice if it were gone, or if somebody else had it. Disable the token, and delete it later.',
    look: ({ tokens, now }) =>
      tokens
        .filter(({ passwords }) => passwords.length > 0 && passwords.every((one) => now - usedAt(one) > unusedMs))
        .map((token) => ({
          resourceId: token.id,
          problem: `No password of the token ${token.name} of ${token.registry.name} was used for 90 days`,
          commands: [disable(token)],
        })),
  },
];

function wasUsed(passwords: readonly PasswordFacts[], now: number): boolean {
  return passwords.some(({ lastUsedAt }) => lastUsedAt !== undefined && now - lastUsedAt <= unusedMs);
}

const usedAt = ({ createdAt, lastUsedAt }: PasswordFacts) => lastUsedAt ?? createdAt;
const named = ({ name, registry }: TokenWithPasswords) => ['--name', name, '--registry', registry.name];
const disable = (token: TokenWithPasswords) => [
  ...['bonded', 'acr', 'token', 'update', ...named(token)],
  ...['--status', 'disabled'],
];
