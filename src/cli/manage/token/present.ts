import type { tokenType } from '../../../identity/index.ts';
import type { WireResource } from '../../../operations/index.ts';
import type { Columns } from '../../output/index.ts';
import { flat } from '../present.ts';

export interface Password {
  name: string;
  value?: string | undefined;
  creationTime?: string | undefined;
  expiry?: string | undefined;
  lastUsedTime?: string;
}

type Token = WireResource<typeof tokenType>;

export const tokenColumns: Columns = {
  Name: 'name',
  ScopeMap: "split(scopeMapId, '/') | [-1]",
  Status: 'status',
  Passwords: "credentials.passwords[].join(' ', [name, expiry && join(' ', ['until', expiry]) || 'without end'])",
  LastUsed: 'max(credentials.passwords[].lastUsedTime)',
  CreationDate: 'creationDate',
};

/** Of a token that was made just now: its passwords are not shown again. */
export const newTokenColumns: Columns = {
  Name: 'name',
  ScopeMap: "split(scopeMapId, '/') | [-1]",
  Status: 'status',
  Password1: "credentials.passwords[?name=='password1'].value | [0]",
  Password2: "credentials.passwords[?name=='password2'].value | [0]",
  Expiry: 'credentials.passwords[0].expiry',
};

export const passwordColumns: Columns = {
  Username: 'username',
  Password1: "passwords[?name=='password1'].value | [0]",
  Password2: "passwords[?name=='password2'].value | [0]",
  Expiry: 'passwords[0].expiry',
};

/** A token as it is printed, with passwords that were made just now. */
export function tokenOf(token: Token, made: readonly Password[] = []): Record<string, unknown> {
  const known = passwordsOf(token).filter(({ name }) => !made.some((password) => password.name === name));
  const passwords = [...made, ...known].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { ...flat(token), credentials: { username: token.name, passwords } };
}

export function passwordsOf({ properties }: Token): Password[] {
  return (properties as { credentials?: { passwords?: Password[] } }).credentials?.passwords ?? [];
}
