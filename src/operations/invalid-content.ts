import type { z } from 'zod';
import { type ErrorDetail, ManagementError } from './management-error.ts';

/** More are of no use to anybody. */
const mostDetails = 20;

/** What a schema found, as ARM's error: each detail names the property and says what to do. */
export function invalidContent(error: z.core.$ZodError): ManagementError {
  const details = error.issues.slice(0, mostDetails).map(detailOf);
  const [first] = details;
  return new ManagementError(
    'InvalidRequestContent',
    `the request content is not valid: ${details.map(({ message }) => message).join('; ')}`.slice(0, 2000),
    { details, ...(first?.target !== undefined && { target: first.target }) },
  );
}

function detailOf(issue: z.core.$ZodIssue): ErrorDetail {
  const target = issue.path.map(String).join('.').slice(0, 256);
  const message = `${target === '' ? 'the body' : target} ${sentenceOf(issue)}`;
  return { code: 'InvalidParameter', message, ...(target !== '' && { target }) };
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  const { code } = issue;
  if (code === 'invalid_type') {
    return issue.message.endsWith('received undefined')
      ? `is missing; give ${articled(issue.expected)}`
      : `must be ${articled(issue.expected)}`;
  }
  if (code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (code === 'too_small') return `must ${amount('at least', issue.minimum, issue.origin)}`;
  if (code === 'too_big') return `must ${amount('at most', issue.maximum, issue.origin)}`;
  if (code === 'unrecognized_keys') {
    return `has unknown properties ${issue.keys.slice(0, 5).join(', ')}; leave them out`;
  }
  // A sentence of the schema's own goes on after the name; one of zod's begins anew.
  return /^[a-z]/.test(issue.message) ? issue.message : `is not valid: ${issue.message}`;
}

function articled(word: string): string {
  return /^[aeio]/.test(word) ? `an ${word}` : `a ${word}`;
}

const units: Record<string, string> = { string: 'characters', array: 'entries', set: 'entries', object: 'keys' };

function amount(limit: string, value: number | bigint, origin: string): string {
  const unit = units[origin];
  return unit === undefined ? `be ${limit} ${value}` : `have ${limit} ${value} ${unit}`;
}
