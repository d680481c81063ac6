import { UsageError } from '../../failure.ts';
import { textFlag } from '../flags.ts';
import { instantOf } from '../instant.ts';

const dayMs = 86_400_000;
const mostDays = 36_500;

/** When passwords end. */
export interface ExpiryFlags {
  expiration?: string;
  expirationInDays?: number;
}

export const expiryFlags = {
  expiration: { ...textFlag, placeholder: 'time', brief: 'When they end, as 2027-01-31 or 2027-01-31T12:00:00Z' },
  expirationInDays: { kind: 'parsed', parse: days, optional: true, placeholder: 'days', brief: 'Days until they end' },
} as const;

function days(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= mostDays) return count;
  throw new Error(`it is a whole number of days from 1 to ${mostDays}`);
}

/** The time in ISO 8601; undefined where they never end. Throws UsageError. */
export function expiryOf({ expiration, expirationInDays }: ExpiryFlags, now: number): string | undefined {
  if (expiration !== undefined && expirationInDays !== undefined) {
    throw new UsageError('--expiration and --expiration-in-days say the same; give one of them');
  }
  if (expirationInDays !== undefined) return new Date(now + expirationInDays * dayMs).toISOString();
  if (expiration === undefined) return undefined;
  return instantOf('--expiration', expiration, now);
}
