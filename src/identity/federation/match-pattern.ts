import { z } from 'zod';
import { claimTexts } from './claim-value.ts';
import type { Claims } from './read-token.ts';

/** More would be none that somebody can read. */
const maxClaims = 20;

/**
 * `*` stands for any characters, none and separators included; everything else for itself, in the same case. There is no
 * way to write a literal `*`.
 */
const pattern = z.string().min(1).max(512);

/** Whose tokens are meant: by subject, claims or both. All that is given must match. */
export const claimPatternSchema = z
  .strictObject({
    subject: pattern
      .refine((text) => !isOpen(text), { message: 'must not be * alone: it would be everybody' })
      .optional(),
    claims: z.record(z.string().min(1).max(256), pattern).optional(),
  })
  .refine(({ claims = {} }) => Object.keys(claims).length <= maxClaims, {
    message: `has more than ${maxClaims} claims`,
  })
  .refine(({ subject, claims = {} }) => subject !== undefined || Object.values(claims).some((text) => !isOpen(text)), {
    message: 'must say something of the subject or of a claim',
  });

export type ClaimPattern = z.output<typeof claimPatternSchema>;

/** Whether a pattern matches any text. */
export function isOpen(text: string): boolean {
  return /^\*+$/.test(text);
}

/**
 * Whether verified claims are those that a pattern means. A claim that is a list matches by any of its entries, and one
 * that is missing never. A pattern that says nothing matches nobody. Takes time in proportion to pattern times text.
 */
export function matchesPattern(claims: Claims, { subject, claims: wanted = {} }: ClaimPattern, subjectClaim = 'sub') {
  const names = Object.entries(wanted);
  if (subject === undefined ? names.every(([, text]) => isOpen(text)) : isOpen(subject)) return false;
  if (subject !== undefined && !claimTexts(claims, subjectClaim).some((text) => matchesText(subject, text)))
    return false;
  return names.every(([name, text]) => claimTexts(claims, name).some((value) => matchesText(text, value)));
}

/** Whether a text is what a pattern with `*` means. The first place for each part leaves the most for the next. */
export function matchesText(wildcards: string, text: string): boolean {
  const [first = '', ...rest] = wildcards.split('*');
  const last = rest.pop();
  if (last === undefined) return text === wildcards;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= end;
}
