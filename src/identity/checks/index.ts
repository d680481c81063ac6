import type { Check } from '../../operations/index.ts';
import { assignmentChecks } from './assignments.ts';
import { credentialChecks } from './credentials.ts';
import { passwordChecks } from './passwords.ts';
import type { AccessSnapshot } from './snapshot.ts';

export { bootstrapChecks } from './credentials.ts';
export { takeSnapshot } from './snapshot.ts';

export const accessChecks: readonly Check<AccessSnapshot>[] = [
  ...passwordChecks,
  ...assignmentChecks,
  ...credentialChecks,
];
