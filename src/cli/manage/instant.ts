import { UsageError } from '../failure.ts';

const form = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/;
const zone = /(?:Z|[+-]\d\d:\d\d)$/;
const dayLength = 10;

/** A time to come, in ISO 8601, of one that somebody has typed: without a zone it is UTC's. Throws UsageError. */
export function instantOf(flag: string, text: string, now: number): string {
  const at = form.test(text)
    ? Date.parse(zone.test(text) || text.length === dayLength ? text : `${text}Z`)
    : Number.NaN;
  if (Number.isNaN(at)) throw new UsageError(`${flag} is a time such as 2027-01-31 or 2027-01-31T12:00:00Z`);
  if (at <= now) throw new UsageError(`${flag} is in the past`);
  return new Date(at).toISOString();
}

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** The same, or a time from now on: `90s`, `30m`, `12h`, `30d`, `2w`. Throws UsageError. */
export function instantOrAfter(flag: string, text: string, now: number): string {
  const [, count, unit] = /^([1-9][0-9]{0,4})([smhdw])$/.exec(text) ?? [];
  if (count === undefined) {
    if (!form.test(text)) throw new UsageError(`${flag} is a time such as 2027-01-31, or 12h, 30d, 2w from now`);
    return instantOf(flag, text, now);
  }
  return new Date(now + Number(count) * unitsMs[unit as keyof typeof unitsMs]).toISOString();
}
