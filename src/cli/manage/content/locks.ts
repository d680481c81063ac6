import { textFlag } from '../flags.ts';
import { instantOrAfter } from '../instant.ts';
import { lockColumns as columns } from './columns.ts';
import { contentCommand } from './command.ts';
import { changeSubject, subjectAliases as aliases, type SubjectFlags, subjectFlags, subjectOf } from './subject.ts';

interface LockFlags extends SubjectFlags {
  reason?: string;
  until?: string;
}

export const lock = contentCommand<LockFlags>({
  brief: 'Protect a repository or an image from changes',
  details:
    'Lets nobody delete or change a repository, a tag, or a manifest that is named by its digest, until acr unlock or the end ' +
    'that is said. It can be pulled as ever. Whoever is refused is told the reason. A lock that is there ' +
    'already is replaced.',
  examples: [
    'acr lock --image team/app:v1',
    'acr lock --image team/app:v1 --reason "in production" --until 90d',
    'acr lock -n teamb --repository base/node --until 2027-01-31',
  ],
  flags: {
    ...subjectFlags,
    reason: { ...textFlag, placeholder: 'text', brief: 'Why; for whoever is refused' },
    until: { ...textFlag, placeholder: 'time|30d', brief: 'When it ends by itself: a time, or 12h, 30d, 2w from now' },
  },
  aliases,
  columns,
  run({ client }, flags) {
    const { reason, until } = flags;
    return changeSubject(client, subjectOf(flags), {
      deleteEnabled: false,
      writeEnabled: false,
      // What is not said is not left over from a lock before.
      lockReason: reason ?? null,
      lockExpiresOn: until === undefined ? null : instantOrAfter('--until', until, Date.now()),
    });
  },
});

export const unlock = contentCommand<SubjectFlags>({
  brief: 'Let a repository or an image be changed again',
  examples: ['acr unlock --image team/app:v1', 'acr unlock -n teamb --repository base/node'],
  flags: subjectFlags,
  aliases,
  columns,
  run: ({ client }, flags) => changeSubject(client, subjectOf(flags), { deleteEnabled: true, writeEnabled: true }),
});
