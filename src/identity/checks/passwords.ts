import type { Check, Finding } from '../../operations/index.ts';
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
      'tokens it need not store, then delete the password.',
    look: ({ tokens, admins, now }) => [
      ...ofPasswords(
        tokens,
        (password) => wasUsed(password, now),
        'is in use',
        (token, { slot }) => ['delete', ...named(token), `--${slot}`, '--yes'],
      ),
      ...admins
        .filter(({ passwords }) => passwords.some((password) => wasUsed(password, now)))
        .map(({ registry: { name, resourceId } }) => ({
          resourceId,
          problem: `A password of the admin user of ${name} is in use`,
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
      ofPasswords(
        tokens,
        ({ expiresAt }) => expiresAt === undefined,
        'never expires',
        (token, { slot }) => ['generate', ...named(token), `--${slot}`, '--expiration-in-days', expiryDays],
      ),
  },
  {
    id: 'password-unused',
    severity: 'low',
    title: 'A password has not been used for 90 days',
    why: 'Nobody would notice if it were gone, or if somebody else had it.',
    look: ({ tokens, now }) =>
      ofPasswords(
        tokens,
        ({ createdAt, lastUsedAt }) => now - (lastUsedAt ?? createdAt) > unusedMs,
        'was not used for 90 days',
        (token, { slot }) => ['delete', ...named(token), `--${slot}`, '--yes'],
      ),
  },
];

/** `command`: what comes after `bonded acr token credential`. */
function ofPasswords(
  tokens: readonly TokenWithPasswords[],
  isMeant: (password: PasswordFacts) => boolean,
  problem: string,
  command: (token: TokenWithPasswords, password: PasswordFacts) => string[],
): Finding[] {
  return tokens.flatMap((token) =>
    token.passwords.filter(isMeant).map((password) => ({
      resourceId: token.id,
      subject: password.slot,
      problem: `${password.slot} of the token ${token.name} of ${token.registry.name} ${problem}`,
      commands: [['bonded', 'acr', 'token', 'credential', ...command(token, password)]],
    })),
  );
}

function wasUsed({ lastUsedAt }: PasswordFacts, now: number): boolean {
  return lastUsedAt !== undefined && now - lastUsedAt <= unusedMs;
}

const named = ({ name, registry }: TokenWithPasswords) => ['--name', name, '--registry', registry.name];
