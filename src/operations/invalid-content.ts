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
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.endsWith('received undefined')
        ? `is missing; give ${articled(issue.expected)}`
        : `must be ${articled(issue.expected)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `must have at least ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `must have at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'unrecognized_keys':
      return `has unknown properties ${issue.keys.slice(0, 5).join(', ')}; leave them out`;
    default:
      // A sentence of the schema's own goes on after the name; one of zod's begins anew.
      return /^[a-z]/.test(issue.message) ? issue.message : `is not valid: ${issue.message}`;
  }
}

function articled(word: string): string {
  return /^[aeio]/.test(word) ? `an ${word}` : `a ${word}`;
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' || origin === 'set' ? ' entries' : '';
}
