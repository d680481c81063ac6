import { UsageError } from '../../failure.ts';
import { textFlag } from '../flags.ts';
import { pairs } from '../pairs.ts';
import { allWords, wordsFlag } from '../words.ts';

/** Whom a question is about. */
export interface WhomFlags {
  assignee?: string;
  token?: string;
  admin: boolean;
  anonymous: boolean;
  issuer?: string;
  groups?: (readonly string[])[];
  claims?: (readonly string[])[];
}

const one = { kind: 'boolean', default: false, withNegated: false } as const;

export const whomFlags = {
  assignee: { ...textFlag, placeholder: 'name|principalId', brief: 'Identity' },
  token: { ...textFlag, placeholder: 'name', brief: 'Repository-scoped token' },
  admin: { ...one, brief: 'The admin user' },
  anonymous: { ...one, brief: 'Whoever shows no credentials' },
  issuer: {
    ...textFlag,
    placeholder: 'url|name',
    brief: 'Whoever this issuer gives the groups or claims: iss, or the name of a trusted issuer',
  },
  groups: { ...wordsFlag, placeholder: 'group…', brief: 'Groups in the token' },
  claims: { ...wordsFlag, placeholder: 'claim=value…', brief: 'Claims of the token' },
} as const;

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** As the management API asks for it. Throws UsageError where not exactly one is named. */
export function whomOf({ assignee, token, admin, anonymous, issuer, groups, claims }: WhomFlags) {
  const named = [assignee !== undefined, token !== undefined, admin, anonymous].filter(Boolean).length;
  if (named > 1 || (named === 0 && issuer === undefined)) {
    throw new UsageError(
      'give one of --assignee, --token, --admin, --anonymous, or --issuer with --groups or --claims',
    );
  }
  const outer = { groups: allWords(groups), claims: pairs('--claims', allWords(claims)) };
  if ((outer.groups || outer.claims) && issuer === undefined) {
    throw new UsageError('--issuer says whose groups and claims they are');
  }
  return {
    ...(assignee !== undefined && (guid.test(assignee) ? { principalId: assignee } : { identityName: assignee })),
    ...(token !== undefined && { tokenName: token }),
    ...(admin && { admin }),
    ...(anonymous && { anonymous }),
    ...(issuer !== undefined && { issuer }),
    ...(outer.groups && { groups: outer.groups }),
    ...(outer.claims && { claims: outer.claims }),
  };
}
